/** The newest signed batch of a team's log. */
export class SealHeadView {
  teamId: string;
  /** Number of the batch. */
  seq: number;
  /** Rows in the batch. */
  rows: number;
  /** Rows in all batches up to this one. */
  totalRows: number;
  /** Id of the newest sealed row. */
  lastId: string;
  /** ISO 8601, of the oldest row in the batch. */
  firstCreatedAt: string;
  /** ISO 8601, of the newest row in the batch. */
  lastCreatedAt: string;
  sealedAt: string;
  /** Merkle root of the batch, hex. */
  root: string;
  /** Root of the batch before; zeros for the first. */
  previousRoot: string;
  /** Names the public key. */
  keyId: string;
  /** Ed25519, hex. */
  signature: string;
}

/** What a check of the whole log found. */
export class VerificationView {
  valid: boolean;
  /** Rows that agree with their seal. */
  checkedRows: number;
  /** Rows too young to be sealed. */
  pendingRows: number;
  /** Rows that retention removed and left a signed checkpoint for. */
  removedRows: number;
  /** Rows written since this moment (ISO 8601) are all there; null when nothing was ever removed. */
  verifiedFrom: string | null;
  /** The first row that was edited, removed without a checkpoint, added, moved or cut off, or a checkpoint that was forged; null when the log is whole. */
  firstBrokenId: string | null;
  /** Null until the first row is sealed. */
  head: SealHeadView | null;
}

/** A key that checked seals before the present one. */
export class EarlierKeyView {
  /** Sixteen hex digits. */
  keyId: string;
  algorithm: 'Ed25519';
  /** PEM, SubjectPublicKeyInfo. */
  publicKey: string;
}

/** The key that checks seals, for keeping outside this installation. */
export class PublicKeyView extends EarlierKeyView {
  /** Keys that signed before it, as configured; their seals still verify. */
  earlier: EarlierKeyView[];
}
