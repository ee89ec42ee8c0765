import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** The headers that say who sent a body and when (Standard Webhooks 1.0, "webhook metadata" and "signature scheme"). */
export interface WebhookHeaders extends Record<string, string> {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/**
 * Signs a body with HMAC-SHA-256.
 * @param secrets `whsec_` and base64; with several, during a rotation, there is a signature of each
 * @param id the same for every try to deliver this body, so that the receiver knows a repetition
 */
export function webhookHeaders(
  secrets: readonly string[],
  id: string,
  atMs: number,
  body: Buffer,
): WebhookHeaders {
  const timestamp = String(Math.floor(atMs / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
