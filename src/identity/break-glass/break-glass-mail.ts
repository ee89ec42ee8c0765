import type { MailContent } from '../../platform/mail/mail.js';

/** Tells an owner that somebody of the platform looks into their team. */
export function breakGlassMail(opened: {
  reason: string;
  canWrite: boolean;
  canSeePii: boolean;
  expiresAt: string;
}): MailContent {
  return {
    kind: 'break-glass',
    subject: 'A platform administrator opened your team',
    paragraphs: [
      'An administrator of the platform has opened a time-limited way into your team.',
      'Everything they look at or change is in your audit log, with the authentication method break_glass.',
    ],
    facts: [
      ['Reason', opened.reason],
      ['Changes', opened.canWrite ? 'allowed' : 'not allowed'],
      ['Personal data', opened.canSeePii ? 'visible' : 'masked'],
      ['Ends', opened.expiresAt],
    ],
    closing: 'If you did not expect this, ask whoever runs the platform.',
  };
}
