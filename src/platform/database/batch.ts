import pgUtils from 'pg/lib/utils.js';
import { serialize } from 'pg-protocol';
import { parserOf } from './column-parsers.js';
import type { Row, Statement, StatementResult } from './statement.js';

interface Field {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}

/** The part of `pg`'s connection that a submittable may use. */
interface Connection {
  readonly stream: { write(bytes: Buffer): boolean };
}

const SYNC = serialize.sync();
const EXECUTE = serialize.execute({});
const DESCRIBE = serialize.describe({ type: 'P', name: '' });
const UUID_LENGTH = 36;
const UUIDS = /^(?:[0-9a-f-]{36}(?:,|$))+$/;

/** Arrays of ids, which a search index has many of, need none of the driver's quoting. */
function toWire(value: unknown): unknown {
  if (
    Array.isArray(value) &&
    value.length > 0 &&
    typeof value[0] === 'string' &&
    value[0].length === UUID_LENGTH
  ) {
    const joined = value.join(',');
    if (joined.length === value.length * (UUID_LENGTH + 1) - 1 && UUIDS.test(joined)) return `{${joined}}`;
  }
  return pgUtils.prepareValue(value);
}

/** What each connection has prepared: statement name to its columns. */
const preparedByConnection = new WeakMap<Connection, Map<string, readonly Field[]>>();

function preparedOn(connection: Connection): Map<string, readonly Field[]> {
  let prepared = preparedByConnection.get(connection);
  if (prepared === undefined) {
    prepared = new Map();
    preparedByConnection.set(connection, prepared);
  }
  return prepared;
}

/**
 * Several statements in one network write and ONE transaction: PostgreSQL treats everything up to the Sync
 * message as a unit, commits it there, and after an error skips the rest and rolls back (PostgreSQL manual,
 * "Extended Query" and "Pipelining"). So a mutation needs neither BEGIN nor COMMIT, holds its locks for one
 * round trip, and a transaction pooler keeps it together. The driver offers no such call, but takes objects
 * that speak the protocol themselves (its "submittable" interface).
 */
export class Batch {
  private readonly results: StatementResult[] = [];
  private fields: readonly Field[] | null = null;
  private rows: Row[] = [];
  private failure: Error | null = null;
  private settled = false;
  private prepared: Map<string, readonly Field[]> = new Map();
  /** Set by the driver's `query()` when it wraps a time limit around us. */
  callback: (error: Error | null, results?: readonly StatementResult[]) => void;

  constructor(
    private readonly statements: readonly Statement[],
    done: (error: Error | null, results?: readonly StatementResult[]) => void,
  ) {
    this.callback = done;
  }

  submit(connection: Connection): Error | null {
    this.prepared = preparedOn(connection);
    const messages: Buffer[] = [];
    try {
      for (const statement of this.statements) this.serialize(statement, messages);
    } catch (error) {
      // A value that has no wire form. Thrown here it would leave the connection waiting for an answer for ever.
      return error as Error;
    }
    messages.push(SYNC);
    // One buffer, one system call.
    connection.stream.write(Buffer.concat(messages));
    return null;
  }

  private serialize({ name, text, values }: Statement, messages: Buffer[]): void {
    const statement = name ?? '';
    const known = statement !== '' && this.prepared.has(statement);
    if (!known) {
      // After a failed batch nobody knows which of its names exist; closing an unknown one is no error.
      if (statement !== '') messages.push(serialize.close({ type: 'S', name: statement }));
      messages.push(serialize.parse({ name: statement, text }));
    }
    messages.push(serialize.bind({ statement, values: values as unknown[], valueMapper: toWire }));
    if (!known) messages.push(DESCRIBE);
    messages.push(EXECUTE);
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.fields = message.fields.map((field) => ({ name: field.name, parse: parserOf(field.dataTypeID) }));
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    const fields = this.currentFields();
    const row: Row = {};
    for (let column = 0; column < fields.length; column++) {
      const field = fields[column];
      const text = message.fields[column];
      row[field.name] = text === null || text === undefined ? null : field.parse(text);
    }
    this.rows.push(row);
  }

  private currentFields(): readonly Field[] {
    if (this.fields === null) {
      const name = this.statements[this.results.length]?.name;
      this.fields = (name && this.prepared.get(name)) || [];
    }
    return this.fields;
  }

  handleCommandComplete(message: { text: string }): void {
    const fields = this.currentFields();
    const statement = this.statements[this.results.length];
    if (statement?.name) this.prepared.set(statement.name, fields);
    const count = Number(message.text.slice(message.text.lastIndexOf(' ') + 1));
    this.results.push({ rows: this.rows, rowCount: Number.isNaN(count) ? 0 : count });
    this.rows = [];
    this.fields = null;
  }

  /** An error ends the unit; the ReadyForQuery that follows belongs to nobody, so we answer here. */
  handleError(error: Error): void {
    this.failure ??= error;
    for (const statement of this.statements) if (statement.name) this.prepared.delete(statement.name);
    this.settle();
  }

  handleReadyForQuery(): void {
    this.settle();
  }

  private settle(): void {
    if (this.settled) return;
    this.settled = true;
    if (this.failure) this.callback(this.failure);
    else this.callback(null, this.results);
  }

  handleEmptyQuery(): void {
    this.results.push({ rows: [], rowCount: 0 });
  }

  handlePortalSuspended(): void {
    this.failure = new Error('a batch executes each portal to its end');
  }

  handleCopyInResponse(): void {
    this.failure = new Error('COPY is not for batches');
  }

  handleCopyData(): void {
    this.failure = new Error('COPY is not for batches');
  }
}
