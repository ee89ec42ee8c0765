/** Port of the vault: seals the personal data of one subject under a data key of its own. */
export abstract class SubjectCipher {
  /** A new random data key, wrapped for storage. */
  abstract create(teamId: string, subjectId: string): NewDataKey;

  /**
   * Opens a wrapped data key.
   * @throws IntegrityError when it belongs to another team or subject, or was changed
   */
  abstract unwrap(teamId: string, subjectId: string, wrapped: Buffer): DataKey;

  /**
   * Keyed tokens for exact look-ups: one for each value, useless without the team's index key. That key is
   * random and stored wrapped, so rotating the master key leaves every token as it is.
   * @param shared whether many records have these terms in common (words and their beginnings): then the last ones used are remembered.
   * Never for what tells one person from another.
   */
  abstract tokens(teamId: string, terms: readonly string[], shared?: boolean): Promise<string[]>;

  /**
   * A keyed hash (HMAC-SHA-256, 32 bytes) of a secret: for comparing and for naming it in the audit log, never
   * for getting it back. The key is the team's index key, so it outlives a master key.
   */
  abstract fingerprint(teamId: string, purpose: string, secret: string): Promise<Buffer>;
}

/** Seals and opens the values of one subject; `field` is the place within the row. */
export interface DataKey {
  seal(plaintext: string, field: string): Buffer;
  /** @throws IntegrityError */
  open(sealed: Buffer, field: string): string;
}

export interface NewDataKey {
  readonly key: DataKey;
  readonly wrapped: Buffer;
  /** Names the master key that wrapped it, so that a rotation finds what is left to do. */
  readonly masterKeyId: string;
}
