import { createHmac, timingSafeEqual } from 'node:crypto';
import { ApiError } from './api-error.js';

const MAC_BYTES = 12;

/**
 * Opaque list cursors: the position of the last row, signed together with the team, the list and its filters,
 * so that a cursor fits the very list it came from and nothing else.
 */
export class CursorSigner {
  /** @param keys the first signs; all of them verify, so a rotated master key interrupts nobody's paging */
  constructor(private readonly keys: readonly [Buffer, ...Buffer[]]) {}

  /** @param list names team, resource, filters and sort */
  sign(list: string, position: readonly string[]): string {
    const body = Buffer.from(JSON.stringify(position));
    return Buffer.concat([mac(this.keys[0], list, body), body]).toString('base64url');
  }

  /** @throws ApiError 400 `INVALID_CURSOR` for anything that this list did not hand out */
  verify(list: string, cursor: string): string[] {
    const raw = Buffer.from(cursor, 'base64url');
    const body = raw.subarray(MAC_BYTES);
    const given = raw.subarray(0, MAC_BYTES);
    if (raw.length <= MAC_BYTES || !this.keys.some((key) => timingSafeEqual(given, mac(key, list, body)))) {
      throw new ApiError('INVALID_CURSOR', 'The cursor does not belong to this list with these filters.');
    }
    return JSON.parse(body.toString()) as string[];
  }
}

function mac(key: Buffer, list: string, body: Buffer): Buffer {
  return createHmac('sha256', key).update(list).update('\0').update(body).digest().subarray(0, MAC_BYTES);
}
