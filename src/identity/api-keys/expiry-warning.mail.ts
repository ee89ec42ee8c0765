import type { MailContent } from '../../platform/mail/mail.js';
import type { DueWarning, Recipient } from './expiry-warning.store.js';

/** Says that a key is about to end, to those who can renew it. */
export function expiryWarningMail(warning: DueWarning, recipient: Recipient, url: string): MailContent {
  const when = warning.daysBefore === 1 ? 'within a day' : `within ${warning.daysBefore} days`;
  return {
    kind: 'api-key-expiry',
    subject: `API key expires ${when}: ${warning.name}`,
    paragraphs: [
      `Hello ${recipient.name},`,
      `the API key "${warning.name}" of ${recipient.teamName} expires ${when}. Whatever uses it is refused from then on.`,
      'Rotate it to get a new key; the old one goes on working for an overlap that you choose.',
    ],
    facts: [
      ['Key', `${warning.prefix}…`],
      ['Expires', warning.expiresAt],
    ],
    action: { label: 'Open API keys', url },
    closing: 'If nothing uses the key any more, let it expire or revoke it.',
  };
}
