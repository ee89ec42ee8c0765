import type { MailContent } from '../../../platform/mail/mail.js';

/** Says that the second factor was turned on or off, to the person who may not have done it. */
export function twoFactorMail(
  change: 'two_factor_enabled' | 'two_factor_disabled',
  fact: { at: string; ipAddress: string },
): MailContent {
  const on = change === 'two_factor_enabled';
  return {
    kind: on ? 'two-factor-on' : 'two-factor-off',
    subject: `Two-factor authentication was turned ${on ? 'on' : 'off'}`,
    paragraphs: [
      on
        ? 'From now on signing in to your account needs a code of your authenticator app as well.'
        : 'From now on your password alone opens your account; the app and the backup codes are forgotten.',
    ],
    facts: [
      ['When', fact.at],
      ['From', fact.ipAddress],
    ],
    closing: 'If it was not you, set a new password at once and tell the owner of your team.',
  };
}
