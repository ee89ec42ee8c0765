import { createHash, createPublicKey, type Hash, type KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Checkpoint, checkpointText } from './checkpoint.js';
import { isSignedBy, keyIdOf } from './ed25519.js';
import {
  endText,
  EXPORT_VERSION,
  type ExportEnd,
  type ExportLine,
  type ExportRow,
  type ExportStart,
  shownFields,
} from './export-lines.js';
import { KeySequence } from './key-sequence.js';
import { Removals } from './removals.js';
import { continues, headerOf, rootFits, type Seal, type SealHeader, signedText } from './seal.js';
import { digestOf } from './row-digest.js';

export interface OfflineResult {
  readonly valid: boolean;
  readonly checkedRows: number;
  /** Rows that had no seal yet when the file was made; nothing vouches for them but the file's own signature. */
  readonly pendingRows: number;
  /** Rows that retention removed before the file was made; a signed checkpoint of each month says so. */
  readonly removedRows: number;
  /** ISO 8601: rows written since then are all in the file; null when nothing was ever removed. */
  readonly verifiedFrom: string | null;
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
  private keyId = '';
  private readonly keys = new Map<string, KeyObject>();
  private readonly sequence = new KeySequence();
  private readonly removals = new Removals();
  private readonly hash: Hash = createHash('sha256');

  /** @param trustedKeys the public keys that were kept elsewhere; null to believe those in the file */
  constructor(
    private readonly trustedKeys: readonly KeyObject[] | null,
    private readonly knownHead: SealHeader | null,
  ) {
    this.trust(trustedKeys ?? []);
  }

  /** Names of the keys that the seals are checked with. */
  get keyIds(): string[] {
    return [...this.keys.keys()];
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
    this.judged(() => {
      if (line.kind !== 'end') this.hash.update(`${text}\n`);
      this.take(line);
    });
  }

  result(): OfflineResult {
    if (!this.flaw) this.judged(() => this.finish());
    return {
      valid: this.flaw === null,
      checkedRows: this.checkedRows,
      pendingRows: this.pendingRows,
      removedRows: this.removals.rows,
      verifiedFrom: this.removals.verifiedFrom,
      firstBrokenId: this.flaw?.id ?? null,
      reason: this.flaw?.reason ?? null,
      head: this.head,
    };
  }

  /** A file may hold anything: what is null or a number where a text belongs is a flaw of the file, and no reason to say nothing. */
  private judged(look: () => void): void {
    try {
      look();
    } catch {
      this.fail(this.expectedId(), 'a line does not have the form of an export');
    }
  }

  private take(line: ExportLine): void {
    switch (line.kind) {
      case 'export':
        this.begin(line);
        break;
      case 'checkpoint':
        this.takeCheckpoint(line);
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

  private begin({ version, teamId, keyId, publicKey, earlierKeys }: ExportStart): void {
    if (![1, EXPORT_VERSION].includes(version)) {
      this.fail(null, `this is version ${EXPORT_VERSION}, and the file is of version ${String(version)}`);
      return;
    }
    this.teamId = teamId;
    this.keyId = keyId;
    if (this.trustedKeys === null)
      this.trust([publicKey, ...(earlierKeys ?? [])].map((pem) => createPublicKey(pem)));
  }

  private trust(keys: readonly KeyObject[]): void {
    for (const key of keys) this.keys.set(keyIdOf(key), key);
  }

  private isSigned(keyId: string, text: string, signature: string): boolean {
    const key = this.keys.get(keyId);
    return key !== undefined && isSignedBy(key, text, signature);
  }

  private takeCheckpoint(point: Checkpoint): void {
    if (this.head !== null) this.fail(point.id, 'a checkpoint stands behind the first batch');
    else if (point.teamId !== this.teamId) this.fail(point.id, 'a checkpoint belongs to another team');
    else if (!this.isSigned(point.keyId, checkpointText(point), point.signature))
      this.fail(point.id, 'the signature of a checkpoint is wrong');
    else this.removals.add(point);
  }

  private takeSeal(seal: Seal): void {
    this.closeBatch();
    if (this.flaw) return;
    const first = seal.ids?.[0] ?? seal.lastId ?? null;
    if (!this.keys.has(seal.keyId)) this.fail(first, `a batch is signed with another key (${seal.keyId})`);
    else if (!this.isSigned(seal.keyId, signedText(seal), seal.signature))
      this.fail(first, 'the signature of a batch is wrong');
    else if (!this.sequence.follows(seal.keyId))
      this.fail(first, `a batch is signed with a key that was retired (${seal.keyId})`);
    else if (seal.teamId !== this.teamId) this.fail(first, 'a batch belongs to another team');
    else if (!continues(seal, this.head)) this.fail(first, 'a batch does not continue the one before');
    else if (!this.removals.fits(seal)) this.fail(first, 'a batch is not the one that a checkpoint names');
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
    if (row.seal === null) {
      this.closeBatch();
      this.pendingRows++;
      return;
    }
    this.skipRemoved(row.stored?.id ?? null);
    const expected = this.expectedId();
    if (row.stored?.id !== expected) {
      const moved = this.seal?.ids.includes(row.stored?.id) ?? false;
      if (moved && expected !== null) this.fail(expected, 'a row is missing or not in its place');
      else this.fail(row.stored?.id ?? row.id, 'a row belongs to no batch');
      return;
    }
    const digest = this.seal?.digests.slice(this.index * 64, (this.index + 1) * 64);
    if (digestOf(row.stored) !== digest) this.fail(expected, 'a row was changed');
    else if (!showsWhatIsStored(row)) this.fail(expected, 'what a row shows is not what was stored');
    else {
      this.index++;
      this.checkedRows++;
    }
  }

  private expectedId(): string | null {
    return this.seal?.ids[this.index] ?? null;
  }

  /** Passes over rows that retention removed, up to the one that is there. */
  private skipRemoved(next: string | null): void {
    for (let id = this.expectedId(); id !== null && id !== next; id = this.expectedId()) {
      if (!this.seal || !this.removals.covers(this.seal, id, (keyId) => !this.sequence.hasLeft(keyId)))
        return;
      this.index++;
    }
  }

  private closeBatch(): void {
    this.skipRemoved(null);
    const missing = this.expectedId();
    if (missing !== null) this.fail(missing, 'a row is missing');
  }

  private finish(): void {
    this.closeBatch();
    const { knownHead, head, end } = this;
    if (knownHead && knownHead.seq > (head?.seq ?? 0))
      this.fail(knownHead.lastId, 'the log ends before the head that was anchored');
    const surplus = this.removals.surplus();
    if (surplus !== null) this.fail(surplus, 'more rows are missing than were removed');
    const isOfLog = (keyId: string): boolean => keyId === this.keyId || this.sequence.has(keyId);
    const excused = this.removals.excusedByStranger(isOfLog);
    if (excused !== null)
      this.fail(excused, 'a row is missing, and the key that says why is none of the log');
    // Today's key signs the file. One that the log has passed on from could put its name under another's file.
    if (this.sequence.hasLeft(this.keyId)) this.fail(null, 'the file is signed with a key that was retired');
    if (end === null) return this.fail(null, 'the file ends too early');
    const sha256 = this.hash.digest('hex');
    const text = endText(this.teamId, end.rows, sha256);
    if (sha256 !== end.sha256 || !this.isSigned(this.keyId, text, end.signature))
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
