import { splitDigests } from '../merkle.js';
import { headerOf, rootFits, type SealHeader } from '../seal.js';
import { digestOf } from '../row-digest.js';
import type { StoredRow } from '../stored-row.js';
import type { NumberedSeal, Position } from './forward-store.js';

/** Of one delivery, roughly: what receivers commonly take. */
const MAX_BYTES = 524_288;
/** Values of a row beyond this stay at home; the row itself goes. */
const MAX_VALUES_BYTES = 65_536;
/** For rows that no root stands for. */
const NO_DIGEST = '';

/**
 * One row of the audit log as it leaves the installation. Personal values never do: what has left could not be erased
 * with a person's data key.
 */
export interface ForwardedRow {
  readonly id: string;
  readonly createdAt: string | null;
  readonly action: string | null;
  readonly resourceType: string | null;
  readonly resourceId: string | null;
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  readonly authMethod: string | null;
  readonly oldValues: unknown;
  readonly newValues: unknown;
  /** The values were too large to go along. */
  readonly valuesOmitted: boolean;
  /** Personal fields changed too; who may see them reads them in Latchkey. */
  readonly hasPersonalValues: boolean;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  /** Hex, SHA-256 of the stored row, as it was sealed. Empty when the batch's root does not stand for it. */
  readonly digest: string;
  /** `altered`: no longer what was sealed, or in a batch that is `altered`. `missing`: no longer there, removed by retention or by somebody. */
  readonly state: 'intact' | 'altered' | 'missing';
}

/** A batch, or a part of one, with its signed head. */
export interface ForwardedBatch {
  readonly seal: SealHeader;
  /** `altered`: none of our keys signed it, or one that its log had left; or its ids and digests are no longer what its root stands for; none of its rows is vouched for. */
  readonly state: 'intact' | 'altered';
  /** Place of the first of `rows` within the batch, from 0. */
  readonly firstIndex: number;
  readonly rows: readonly ForwardedRow[];
}

/** What goes to the receiver in one piece; it is accepted as a whole or not at all. */
export interface Delivery {
  readonly batches: readonly ForwardedBatch[];
  /** Where the log is forwarded to once this is accepted. */
  readonly end: Position;
}

/**
 * Puts as much of the waiting batches together as one delivery takes, at least one row. Whatever somebody made of a
 * batch, even one without rows, it is sent as it is: what it cannot do is hold up the batches behind it.
 * @param vouchesFor whether a key of this installation signed the head, in its turn
 * @param rowsOf the rows of a batch that are still there, by id
 */
export async function compose(
  seals: readonly NumberedSeal[],
  vouchesFor: (head: SealHeader) => Promise<boolean>,
  rowsOf: (seal: NumberedSeal) => Promise<ReadonlyMap<string, StoredRow>>,
): Promise<Delivery> {
  const batches: ForwardedBatch[] = [];
  let end: Position | null = null;
  let bytes = 0;
  for (const seal of seals) {
    const stored = await rowsOf(seal);
    const digests = splitDigests(seal.digests);
    const fits = rootFits(seal);
    const state = fits && (await vouchesFor(seal)) ? 'intact' : 'altered';
    const rows: ForwardedRow[] = [];
    for (let index = seal.rowsSent; index < seal.ids.length && bytes < MAX_BYTES; index++) {
      const id = seal.ids[index];
      const row = rowOf(id, stored.get(id) ?? null, fits ? digests[index] : NO_DIGEST, state);
      bytes += JSON.stringify(row).length;
      rows.push(row);
    }
    if (rows.length === 0 && seal.ids.length > seal.rowsSent) break;
    batches.push({ seal: headerOf(seal), state, firstIndex: seal.rowsSent, rows });
    end = { page: seal.page, teamId: seal.teamId, seq: seal.seq, rowsSent: seal.rowsSent + rows.length };
    if (bytes >= MAX_BYTES) break;
  }
  if (end === null) throw new Error('nothing waits to be forwarded');
  return { batches, end };
}

/** @param batch whether its batch is vouched for: no row of one that is not is intact */
function rowOf(
  id: string,
  stored: StoredRow | null,
  digest: string,
  batch: ForwardedBatch['state'],
): ForwardedRow {
  const size = (stored?.oldValues?.length ?? 0) + (stored?.newValues?.length ?? 0);
  const valuesOmitted = size > MAX_VALUES_BYTES;
  return {
    id,
    createdAt: stored?.createdAt ?? null,
    action: stored?.action ?? null,
    resourceType: stored?.resourceType ?? null,
    resourceId: stored?.resourceId ?? null,
    userId: stored?.userId ?? null,
    apiKeyId: stored?.apiKeyId ?? null,
    authMethod: stored?.authMethod ?? null,
    oldValues: valuesOmitted ? null : parsed(stored?.oldValues ?? null),
    newValues: valuesOmitted ? null : parsed(stored?.newValues ?? null),
    valuesOmitted,
    hasPersonalValues: (stored?.sealed ?? null) !== null,
    ipAddress: stored?.ipAddress ?? null,
    userAgent: stored?.userAgent ?? null,
    requestId: stored?.requestId ?? null,
    digest,
    state: stored === null ? 'missing' : batch === 'intact' ? stateOf(stored, digest) : 'altered',
  };
}

function stateOf(stored: StoredRow, digest: string): ForwardedRow['state'] {
  return digestOf(stored) === digest ? 'intact' : 'altered';
}

function parsed(text: string | null): unknown {
  return text === null ? null : (JSON.parse(text) as unknown);
}
