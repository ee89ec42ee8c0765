/**
 * What a mail says. Features write one function per mail that returns this; how it looks, and the escaping, is
 * the renderer's alone.
 */
export interface MailContent {
  /** Names the mail in logs: `password-reset`. */
  readonly kind: string;
  /** One line of plain text. */
  readonly subject: string;
  /** Plain text, one entry a paragraph. */
  readonly paragraphs: readonly string[];
  /** The one thing to do. */
  readonly action?: { readonly label: string; readonly url: string };
  /** Facts to check, as label and value: a time, a device, an address. */
  readonly facts?: readonly (readonly [label: string, value: string])[];
  /** What to do when the mail was not expected. */
  readonly closing?: string;
}

export interface Mail {
  /** One address. */
  readonly to: string;
  readonly content: MailContent;
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}
