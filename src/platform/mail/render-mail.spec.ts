import { renderMail } from './render-mail.js';

describe('a rendered mail', () => {
  const hostile = '<img src=x onerror=alert(1)> & "quotes" \'single\'';

  it('says the same in text and HTML', () => {
    const { text, html } = renderMail({
      kind: 'test',
      subject: 'Confirm',
      paragraphs: ['Hello Pat,', 'please confirm.'],
      facts: [['Device', 'Firefox']],
      action: { label: 'Confirm the address', url: 'https://example.com/verify#token=abc' },
      closing: 'Not you? Ignore this.',
    });
    expect(text).toBe(
      'Hello Pat,\n\nplease confirm.\n\nDevice: Firefox\n\nConfirm the address:\nhttps://example.com/verify#token=abc\n\nNot you? Ignore this.\n\nLatchkey',
    );
    for (const words of ['Hello Pat,', 'please confirm.', 'Firefox', 'Not you? Ignore this.']) {
      expect(html).toContain(words);
    }
    expect(html).toContain('href="https://example.com/verify#token=abc"');
  });

  it('escapes everything that a person may have chosen', () => {
    const { html } = renderMail({
      kind: 'test',
      subject: hostile,
      paragraphs: [hostile],
      facts: [[hostile, hostile]],
      action: { label: hostile, url: `https://example.com/"${hostile}` },
      closing: hostile,
    });
    expect(html).not.toContain('<img');
    expect(html).not.toContain('"quotes"');
  });

  it('keeps line breaks out of the subject', () => {
    expect(
      renderMail({ kind: 'test', subject: 'Hi\r\nBcc: eve@example.com\u2028', paragraphs: [] }).subject,
    ).toBe('Hi Bcc: eve@example.com');
  });

  it('bounds the subject', () => {
    expect(renderMail({ kind: 'test', subject: 'x'.repeat(5000), paragraphs: [] }).subject).toHaveLength(200);
  });
});
