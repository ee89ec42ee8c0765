import type { AuditKeys } from './audit-keys.js';
import type { SealHeader } from './seal.js';

/**
 * The keys of one chain in their order. A chain may pass on to another key; a key that was left never signs again,
 * so whoever finds an old one cannot continue the log with it.
 */
export class KeySequence {
  private current: string | null = null;
  private readonly left = new Set<string>();

  /**
   * The sequence that a chain went through, told by the first batch of each key.
   * @param starts in their order
   * @returns null when they prove nothing: the first batch of the chain is not among them, or one is not signed
   */
  static of(starts: readonly SealHeader[], keys: AuditKeys): KeySequence | null {
    if (starts[0]?.seq !== 1 || !starts.every((start) => keys.isSigned(start))) return null;
    const sequence = new KeySequence();
    for (const { keyId } of starts) sequence.follows(keyId);
    return sequence;
  }

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
