/**
 * The keys of one chain in their order. A chain may pass on to another key; a key that was left never signs again,
 * so whoever finds an old one cannot continue the log with it.
 */
export class KeySequence {
  private current: string | null = null;
  private readonly left = new Set<string>();

  /** Whether the log has passed on from this key: what it says now counts no more. */
  hasLeft(keyId: string): boolean {
    return this.left.has(keyId);
  }

  /** Whether a batch of this key was seen. */
  has(keyId: string): boolean {
    return keyId === this.current || this.left.has(keyId);
  }

  /** Whether a batch of this key may come next. */
  follows(keyId: string): boolean {
    if (keyId === this.current) return true;
    if (this.left.has(keyId)) return false;
    if (this.current !== null) this.left.add(this.current);
    this.current = keyId;
    return true;
  }
}
