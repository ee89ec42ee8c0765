import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const secretsSchema = z.object({
  jwtSecret: z.string().min(64),
  masterEncryptionKey: z.string().regex(/^[0-9a-f]{64}$/),
  auditSigningKey: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
});

export type DevelopmentSecrets = Readonly<z.output<typeof secretsSchema>>;

/**
 * Reads the secrets of a development installation from `secrets.json` in `dataDir`, making them on the first start.
 * Never called in production: there a lost or silently replaced key means unreadable data and forged tokens.
 *
 * Two processes that start together end with the same secrets: each writes a file of its own and links it to the final
 * name, which succeeds for one of them only and never shows a half-written file.
 *
 * @throws when the directory cannot be written or the file is damaged; the message names the file, never its content.
 */
export function loadOrCreateDevelopmentSecrets(dataDir: string): DevelopmentSecrets {
  const file = join(dataDir, 'secrets.json');
  const existing = readSecrets(file);
  if (existing) return existing;

  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = join(dataDir, `.secrets-${process.pid}-${randomBytes(8).toString('hex')}`);
  try {
    writeDurably(draft, `${JSON.stringify(generateSecrets(), null, 2)}\n`);
    linkUnlessPresent(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
  const created = readSecrets(file);
  if (!created) throw new Error(`${file} vanished while it was being made; start again`);
  return created;
}

function generateSecrets(): DevelopmentSecrets {
  return {
    jwtSecret: randomBytes(64).toString('base64url'),
    masterEncryptionKey: randomBytes(32).toString('hex'),
    auditSigningKey: randomBytes(32).toString('base64'),
  };
}

function readSecrets(file: string): DevelopmentSecrets | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isErrorCode(error, 'ENOENT')) return null;
    throw error;
  }
  // A copied or restored file may have lost its mode.
  chmodSync(file, 0o600);
  return parseSecrets(file, text);
}

function parseSecrets(file: string, text: string): DevelopmentSecrets {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // JSON.parse quotes the text it stumbled over, so its error goes no further.
    content = null;
  }
  const parsed = secretsSchema.safeParse(content);
  if (!parsed.success) {
    throw new Error(`${file} is damaged; restore it, or delete the whole data directory to start afresh`);
  }
  return Object.freeze(parsed.data);
}

function writeDurably(file: string, text: string): void {
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function linkUnlessPresent(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (!isErrorCode(error, 'EEXIST')) throw error;
  }
}

function isErrorCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
