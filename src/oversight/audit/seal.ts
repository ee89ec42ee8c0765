import { merkleRoot, splitDigests } from './merkle.js';

/** What the signature of a batch covers, besides its rows through the root. */
export interface SealHeader {
  readonly teamId: string;
  /** 1 for a team's first batch, then without gaps. */
  readonly seq: number;
  readonly rows: number;
  /** Rows of all batches up to this one. */
  readonly totalRows: number;
  readonly lastId: string;
  /** ISO 8601, of the oldest and the newest row of the batch. */
  readonly firstCreatedAt: string;
  readonly lastCreatedAt: string;
  readonly sealedAt: string;
  /** Hex, SHA-256. */
  readonly root: string;
  readonly previousRoot: string;
  readonly keyId: string;
  /** Hex, Ed25519 (RFC 8032) over {@link signedText}. */
  readonly signature: string;
}

/** A whole batch: the header, and id and digest of each row in order. */
export interface Seal extends SealHeader {
  readonly ids: readonly string[];
  /** Hex, 32 bytes for each row. */
  readonly digests: string;
}

/** The text that is signed: one line a field, so that no two headers share a text. */
export function signedText(header: Omit<SealHeader, 'signature'>): string {
  return [
    'latchkey-audit-seal-v1',
    header.teamId,
    header.seq,
    header.rows,
    header.totalRows,
    header.lastId,
    header.firstCreatedAt,
    header.lastCreatedAt,
    header.sealedAt,
    header.root,
    header.previousRoot,
    header.keyId,
  ].join('\n');
}

/** The header alone, as it is anchored outside the database. */
export function headerOf(seal: SealHeader): SealHeader {
  const { teamId, seq, rows, totalRows, lastId, firstCreatedAt, lastCreatedAt } = seal;
  const { sealedAt, root, previousRoot, keyId, signature } = seal;
  return {
    teamId,
    seq,
    rows,
    totalRows,
    lastId,
    firstCreatedAt,
    lastCreatedAt,
    sealedAt,
    root,
    previousRoot,
    keyId,
    signature,
  };
}

/** Whether ids and digests are the ones that the root stands for. */
export function rootFits(seal: Seal): boolean {
  const digests = splitDigests(seal.digests);
  if (seal.ids.length === 0 || digests.length !== seal.ids.length) return false;
  // A line of a file may hold anything.
  if (!seal.ids.every((id) => typeof id === 'string')) return false;
  return (
    merkleRoot(seal.ids, digests) === seal.root &&
    seal.rows === seal.ids.length &&
    seal.lastId === seal.ids.at(-1)
  );
}

/** Whether a batch continues the one before (null: it is the first). */
export function continues(seal: SealHeader, before: SealHeader | null): boolean {
  if (before === null)
    return seal.seq === 1 && /^0{64}$/.test(seal.previousRoot) && seal.totalRows === seal.rows;
  return (
    seal.seq === before.seq + 1 &&
    seal.previousRoot === before.root &&
    seal.totalRows === before.totalRows + seal.rows
  );
}
