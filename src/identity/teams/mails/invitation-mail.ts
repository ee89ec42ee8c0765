import type { MailContent } from '../../../platform/mail/mail.js';

/** Asks somebody into a team. */
export function invitationMail(teamName: string, role: string, url: string): MailContent {
  return {
    kind: 'invitation',
    subject: `You are invited to ${teamName}`,
    paragraphs: [
      'Hello,',
      `you are invited to join ${teamName} on Latchkey. The link is good for seven days.`,
    ],
    facts: [['Role', role]],
    action: { label: 'Accept the invitation', url },
    closing: 'If you do not know the team, ignore this mail.',
  };
}
