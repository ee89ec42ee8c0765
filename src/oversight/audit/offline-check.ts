import { createHash, createPublicKey, type Hash, type KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isSignedBy, keyIdOf } from './ed25519.js';
import { endText, type ExportEnd, type ExportLine, type ExportRow, shownFields } from './export-lines.js';
import { continues, headerOf, rootFits, type Seal, type SealHeader, signedText } from './seal.js';
import { digestOf } from './stored-row.js';

export interface OfflineResult {
  readonly valid: boolean;
  readonly checkedRows: number;
  /** Rows that had no seal yet when the file was made; nothing vouches for them but the file's own signature. */
  readonly pendingRows: number;
  readonly firstBrokenId: string | null;
  /** In words; null when nothing is wrong. */
  readonly reason: string | null;
  readonly head: SealHeader | null;
}

/**
 * Checks an NDJSON export line by line, without a database and at constant memory. It stops looking at the
 * first flaw, because nothing after it can be trusted to be where it belongs.
 */
export class OfflineCheck {
  private teamId = '';
  private seal: Seal | null = null;
  private head: SealHeader | null = null;
  private index = 0;
  private checkedRows = 0;
  private pendingRows = 0;
  private flaw: { id: string | null; reason: string } | null = null;
  private end: ExportEnd | null = null;
  private readonly hash: Hash = createHash('sha256');

  /** @param trustedKey the public key that was kept elsewhere; null to believe the one in the file */
  constructor(
    private trustedKey: KeyObject | null,
    private readonly knownHead: SealHeader | null,
  ) {}

  /** The key that the seals are checked with. */
  get keyId(): string | null {
    return this.trustedKey ? keyIdOf(this.trustedKey) : null;
  }

  add(text: string): void {
    if (this.flaw || text === '') return;
    let line: ExportLine;
    try {
      line = JSON.parse(text) as ExportLine;
    } catch {
      this.fail(this.expectedId(), 'a line is not JSON');
      return;
    }
    if (this.end) this.fail(null, 'there are lines after the end');
    if (line.kind !== 'end') this.hash.update(`${text}\n`);
    this.take(line);
  }

  result(): OfflineResult {
    if (!this.flaw) this.finish();
    return {
      valid: this.flaw === null,
      checkedRows: this.checkedRows,
      pendingRows: this.pendingRows,
      firstBrokenId: this.flaw?.id ?? null,
      reason: this.flaw?.reason ?? null,
      head: this.head,
    };
  }

  private take(line: ExportLine): void {
    switch (line.kind) {
      case 'export':
        this.teamId = line.teamId;
        this.trustedKey ??= createPublicKey(line.publicKey);
        break;
      case 'seal':
        this.takeSeal(line);
        break;
      case 'row':
        this.takeRow(line);
        break;
      case 'end':
        this.end = line;
        break;
      default:
        this.fail(this.expectedId(), 'a line of an unknown kind');
    }
  }

  private takeSeal(seal: Seal): void {
    this.closeBatch();
    if (this.flaw) return;
    const first = seal.ids?.[0] ?? seal.lastId ?? null;
    if (!this.trustedKey || keyIdOf(this.trustedKey) !== seal.keyId)
      this.fail(first, `a batch is signed with another key (${seal.keyId})`);
    else if (!isSignedBy(this.trustedKey, signedText(seal), seal.signature))
      this.fail(first, 'the signature of a batch is wrong');
    else if (seal.teamId !== this.teamId) this.fail(first, 'a batch belongs to another team');
    else if (!continues(seal, this.head)) this.fail(first, 'a batch does not continue the one before');
    else if (!rootFits(seal)) this.fail(first, 'the rows of a batch are not those that were signed');
    else this.openBatch(seal);
  }

  private openBatch(seal: Seal): void {
    this.seal = seal;
    this.head = headerOf(seal);
    this.index = 0;
    if (this.knownHead?.seq === seal.seq && this.knownHead.root !== seal.root)
      this.fail(this.knownHead.lastId, 'a batch is not the one whose head was anchored');
  }

  private takeRow(row: ExportRow): void {
    const expected = this.expectedId();
    if (row.seal === null) {
      this.closeBatch();
      this.pendingRows++;
      return;
    }
    if (row.stored?.id !== expected) {
      const moved = this.seal?.ids.includes(row.stored?.id) ?? false;
      if (moved && expected !== null) this.fail(expected, 'a row is missing or not in its place');
      else this.fail(row.stored?.id ?? row.id, 'a row belongs to no batch');
      return;
    }
    const digest = this.seal?.digests.slice(this.index * 64, (this.index + 1) * 64);
    if (digestOf(row.stored).toString('hex') !== digest) this.fail(expected, 'a row was changed');
    else if (!showsWhatIsStored(row)) this.fail(expected, 'what a row shows is not what was stored');
    else {
      this.index++;
      this.checkedRows++;
    }
  }

  private expectedId(): string | null {
    return this.seal?.ids[this.index] ?? null;
  }

  private closeBatch(): void {
    const missing = this.expectedId();
    if (missing !== null) this.fail(missing, 'a row is missing');
  }

  private finish(): void {
    this.closeBatch();
    const { knownHead, head, end } = this;
    if (knownHead && knownHead.seq > (head?.seq ?? 0))
      this.fail(knownHead.lastId, 'the log ends before the head that was anchored');
    if (end === null) return this.fail(null, 'the file ends too early');
    const sha256 = this.hash.digest('hex');
    const text = endText(this.teamId, end.rows, sha256);
    if (!this.trustedKey || sha256 !== end.sha256 || !isSignedBy(this.trustedKey, text, end.signature))
      this.fail(null, 'the file was changed after it was made');
  }

  private fail(id: string | null, reason: string): void {
    this.flaw ??= { id, reason };
  }
}

function showsWhatIsStored(row: ExportRow): boolean {
  const shown = shownFields(row.stored);
  return Object.entries(shown).every(([name, value]) =>
    isDeepStrictEqual(row[name as keyof ExportRow], value),
  );
}
