import type { MailContent } from '../../../platform/mail/mail.js';

/** Asks a new member to confirm their address. */
export function emailVerificationMail(name: string, url: string): MailContent {
  return {
    kind: 'email-verification',
    subject: 'Confirm your e-mail address',
    paragraphs: [
      `Hello ${name},`,
      'please confirm that this address is yours. The link is good for three days.',
    ],
    action: { label: 'Confirm the address', url },
    closing: 'If you did not sign up for Latchkey, ignore this mail.',
  };
}

/** Carries the link that sets a new password. */
export function passwordResetMail(name: string, url: string, ipAddress: string): MailContent {
  return {
    kind: 'password-reset',
    subject: 'Set a new password',
    paragraphs: [
      `Hello ${name},`,
      'somebody asked to set a new password for your account. The link is good for 30 minutes and works once.',
    ],
    facts: [['Asked from', ipAddress]],
    action: { label: 'Set a new password', url },
    closing: 'If it was not you, ignore this mail: your password stays as it is.',
  };
}

/** Says that a password was changed, to the person who may not have done it. */
export function passwordChangedMail(
  name: string,
  fact: { at: string; ipAddress: string; others: string },
): MailContent {
  return {
    kind: 'password-changed',
    subject: 'Your password was changed',
    paragraphs: [`Hello ${name},`, `the password of your account was changed. ${fact.others}`],
    facts: [
      ['When', fact.at],
      ['From', fact.ipAddress],
    ],
    closing: 'If it was not you, set a new password at once and tell the owner of your team.',
  };
}
