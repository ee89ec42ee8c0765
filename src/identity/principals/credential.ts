import type { FastifyRequest } from 'fastify';
import { ApiError, invalidField } from '../../platform/http/api-error.js';
import { looksLikeApiKey } from '../api-keys/api-key-format.js';

export type Credential = { readonly kind: 'jwt' | 'api_key'; readonly text: string };

const MAX_LENGTH = 4096;
const KEY_IN_TEXT = /lk_(live|test)_/i;

/**
 * A key in a URL is already in logs and histories, whatever else the request proves, so no route takes one.
 * @throws ApiError 400
 */
export function refuseKeyInUrl(url: string): void {
  if (KEY_IN_TEXT.test(url) || (url.includes('%') && KEY_IN_TEXT.test(percentDecoded(url)))) {
    throw invalidField('query', 'an API key never belongs into a URL; send it as X-API-Key');
  }
}

/**
 * The one credential of a request: `X-API-Key`, or `Authorization: Bearer` with a key or a JWT; null when there is none.
 * @throws ApiError 401 for two credentials
 */
export function credentialOf(request: FastifyRequest): Credential | null {
  const header = request.headers.authorization;
  const key = request.headers['x-api-key'];
  if (header !== undefined && key !== undefined) {
    throw new ApiError('UNAUTHENTICATED', 'Send one credential: X-API-Key or Authorization, not both.');
  }
  if (key !== undefined) return { kind: 'api_key', text: bounded(String(key)) };
  if (header === undefined) return null;
  const match = /^Bearer +([^\s]+)$/i.exec(header.slice(0, MAX_LENGTH));
  if (!match) throw new ApiError('UNAUTHENTICATED', 'The Authorization header is not a bearer credential.');
  const text = match[1];
  return { kind: looksLikeApiKey(text) ? 'api_key' : 'jwt', text };
}

function bounded(text: string): string {
  return text.slice(0, MAX_LENGTH);
}

/** Each escape of one ASCII character by itself: a broken one elsewhere in the URL must not hide a key. */
function percentDecoded(url: string): string {
  return url.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
