import type { MailContent, RenderedMail } from './mail.js';

const MAX_SUBJECT_LENGTH = 200;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Plain text and a small HTML of the same words; no pictures, nothing is loaded from anywhere. */
export function renderMail(content: MailContent): RenderedMail {
  return {
    subject: oneLine(content.subject).slice(0, MAX_SUBJECT_LENGTH),
    text: textOf(content),
    html: htmlOf(content),
  };
}

function textOf({ paragraphs, facts, action, closing }: MailContent): string {
  return [
    ...paragraphs,
    ...(facts ? [facts.map(([label, value]) => `${label}: ${oneLine(value)}`).join('\n')] : []),
    ...(action ? [`${action.label}:\n${action.url}`] : []),
    ...(closing ? [closing] : []),
    'Latchkey',
  ].join('\n\n');
}

function htmlOf({ subject, paragraphs, facts, action, closing }: MailContent): string {
  const rows = (facts ?? []).map(
    ([label, value]) =>
      `<tr><td style="padding:2px 12px 2px 0;color:#57606a">${escape(label)}</td><td>${escape(value)}</td></tr>`,
  );
  const parts = [
    ...paragraphs.map(paragraph),
    ...(rows.length > 0
      ? [`<table style="border-collapse:collapse;margin:0 0 16px">${rows.join('')}</table>`]
      : []),
    ...(action ? [button(action.label, action.url)] : []),
    ...(closing ? [paragraph(closing)] : []),
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(oneLine(subject))}</title></head>
<body style="margin:0;padding:24px;background:#fff;color:#1f2328;font:16px/1.5 -apple-system,'Segoe UI',Helvetica,Arial,sans-serif">
<div style="max-width:560px;margin:0 auto">
${parts.join('\n')}
<p style="margin:24px 0 0;color:#57606a;font-size:13px">Latchkey</p>
</div></body></html>`;
}

function paragraph(text: string): string {
  return `<p style="margin:0 0 16px">${escape(text).replaceAll('\n', '<br>')}</p>`;
}

function button(label: string, url: string): string {
  const style =
    'display:inline-block;padding:10px 18px;border-radius:6px;background:#0a5bd3;color:#fff;text-decoration:none';
  return `<p style="margin:0 0 16px"><a href="${escape(url)}" style="${style}">${escape(label)}</a></p>
<p style="margin:0 0 16px;font-size:13px;color:#57606a;word-break:break-all">${escape(url)}</p>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** No line breaks or other control characters: they would start a header of their own. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
