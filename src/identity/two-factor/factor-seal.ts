import { randomBytes } from 'node:crypto';
import { open, seal } from '../../platform/crypto/aead.js';
import type { MasterKeys } from '../../platform/crypto/master-keys.js';
import { newTotpSecret } from './totp.js';

const PEPPER_BYTES = 32;
const SECRET_LENGTH = 32;

/** What is sealed together: the secret, and what backup codes are hashed with, so that both outlive a master key. */
export interface FactorSecrets {
  /** Base32. */
  readonly secret: string;
  readonly pepper: Buffer;
}

export interface SealedFactor {
  readonly sealed: Buffer;
  readonly masterKeyId: string;
}

export function newFactorSecrets(): FactorSecrets {
  return { secret: newTotpSecret(), pepper: randomBytes(PEPPER_BYTES) };
}

/** Seals for one user, under the current master key. */
export function sealFactor(
  keys: MasterKeys,
  userId: string,
  { secret, pepper }: FactorSecrets,
): SealedFactor {
  const masterKeyId = keys.currentId;
  const key = keys.teamKey(masterKeyId, userId, 'two-factor');
  return {
    sealed: seal(key, Buffer.concat([Buffer.from(secret, 'latin1'), pepper]), place(userId)),
    masterKeyId,
  };
}

/** @throws IntegrityError for a value that was changed or belongs to another user */
export function openFactor(
  keys: MasterKeys,
  userId: string,
  { sealed, masterKeyId }: SealedFactor,
): FactorSecrets {
  const opened = open(keys.teamKey(masterKeyId, userId, 'two-factor'), sealed, place(userId));
  return {
    secret: opened.subarray(0, SECRET_LENGTH).toString('latin1'),
    pepper: opened.subarray(SECRET_LENGTH),
  };
}

function place(userId: string): string {
  return `two-factor|two_factor_secrets|${userId}|sealed`;
}
