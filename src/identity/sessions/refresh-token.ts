import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { stringify as uuidText, parse as uuidBytes } from 'uuid';
import { open, seal } from '../../platform/crypto/aead.js';
import { deriveKey } from '../../platform/crypto/derive-key.js';
import { MasterKeys } from '../../platform/crypto/master-keys.js';

const SECRET_BYTES = 24;
const MAC_BYTES = 16;
const BODY_BYTES = 16 + 16 + 4 + SECRET_BYTES;

/** A refresh token taken apart. */
export interface RefreshToken {
  readonly teamId: string;
  readonly sessionId: string;
  readonly generation: number;
  /** SHA-256 of the whole token: what is stored. */
  readonly hash: Buffer;
  readonly text: string;
}

/**
 * Refresh tokens: `team | session | generation | 192 random bits | MAC`. The MAC tells a token that we once
 * handed out from a forged one, so reuse of any generation is detected (RFC 9700, section 4.14.2) without
 * keeping every hash; the team in it lets the look-up run inside row level security.
 */
@Injectable()
export class RefreshTokens {
  constructor(private readonly keys: MasterKeys) {}

  create(teamId: string, sessionId: string, generation: number): RefreshToken {
    const body = Buffer.alloc(BODY_BYTES);
    body.set(uuidBytes(teamId), 0);
    body.set(uuidBytes(sessionId), 16);
    body.writeUInt32BE(generation, 32);
    randomBytes(SECRET_BYTES).copy(body, 36);
    const text = Buffer.concat([body, this.mac(this.keys.currentId, teamId, body)]).toString('base64url');
    return { teamId, sessionId, generation, hash: hashOf(text), text };
  }

  /** The token's parts, or null for anything that is not ours. */
  parse(text: string): RefreshToken | null {
    const raw = Buffer.from(text, 'base64url');
    if (raw.length !== BODY_BYTES + MAC_BYTES || raw.toString('base64url') !== text) return null;
    const body = raw.subarray(0, BODY_BYTES);
    const mac = raw.subarray(BODY_BYTES);
    try {
      const teamId = uuidText(body, 0);
      const sessionId = uuidText(body, 16);
      if (!this.keys.ids.some((id) => timingSafeEqual(this.mac(id, teamId, body), mac))) return null;
      return { teamId, sessionId, generation: body.readUInt32BE(32), hash: hashOf(text), text };
    } catch {
      return null;
    }
  }

  private mac(keyId: string, teamId: string, body: Buffer): Buffer {
    const key = this.keys.teamKey(keyId, teamId, 'refresh-token');
    return createHmac('sha256', key).update(body).digest().subarray(0, MAC_BYTES);
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The successor, readable only by who presents the parent: a racing tab gets it, the database cannot. */
export function sealSuccessor(parent: RefreshToken, successor: RefreshToken): Buffer {
  return seal(successorKey(parent), successor.text, `successor|${parent.sessionId}`);
}

export function openSuccessor(parent: RefreshToken, sealed: Buffer): string {
  return open(successorKey(parent), sealed, `successor|${parent.sessionId}`).toString();
}

function successorKey(parent: RefreshToken): Buffer {
  return deriveKey(Buffer.from(parent.text), parent.sessionId, 'refresh-successor');
}
