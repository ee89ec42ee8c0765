import type { ForwardedBatch, ForwardedRow } from './delivery.js';

/** RFC 5424 section 6.2.1: 13 is "log audit". */
const FACILITY = 13;
const CRITICAL = 2;
const NOTICE = 5;
const INFORMATIONAL = 6;
/** What every receiver should take (RFC 5425 section 4.3.1). */
const MAX_BYTES = 8192;
/** The number that RFC 5612 keeps for documentation: Latchkey has no enterprise number of its own. */
const ENTERPRISE = 32473;
const MAX_PARAM_LENGTH = 300;

type Params = Readonly<Record<string, string | number | null>>;

/**
 * The messages of a batch: its rows in order, and its signed head when its last row is among them. Of a batch that was
 * altered nobody knows which row is the last: its head goes with every part.
 */
export function messagesOf(batch: ForwardedBatch, hostname: string): Buffer[] {
  const { seal, state, firstIndex, rows } = batch;
  const messages = rows.map((row, at) => rowMessage(row, seal.teamId, seal.seq, firstIndex + at, hostname));
  const isAltered = state === 'altered';
  if (isAltered || firstIndex + rows.length === seal.rows) {
    const params = {
      team: seal.teamId,
      seq: seal.seq,
      rows: seal.rows,
      root: seal.root,
      keyId: seal.keyId,
      state,
    };
    const head = header(isAltered ? CRITICAL : NOTICE, seal.sealedAt, hostname, 'audit-seal');
    messages.push(Buffer.from(`${head} ${element('seal', params)} ${ascii(JSON.stringify(seal))}`));
  }
  return messages;
}

/** Octet counting (RFC 5425 section 4.3.1, RFC 6587 section 3.4.1). */
export function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

function rowMessage(row: ForwardedRow, teamId: string, seq: number, index: number, hostname: string): Buffer {
  const params: Params = {
    id: row.id,
    team: teamId,
    action: row.action,
    resourceType: row.resourceType,
    resourceId: row.resourceId,
    user: row.userId,
    apiKey: row.apiKeyId,
    auth: row.authMethod,
    ip: row.ipAddress,
    userAgent: row.userAgent,
    request: row.requestId,
    personal: row.hasPersonalValues ? 'yes' : 'no',
    seq,
    index,
    digest: row.digest,
    state: row.state,
  };
  const head = header(severityOf(row), row.createdAt, hostname, 'audit-row');
  const start = `${head} ${element('audit', params)}`;
  const { oldValues, newValues, valuesOmitted } = row;
  const whole = Buffer.from(`${start} ${ascii(JSON.stringify({ oldValues, newValues, valuesOmitted }))}`);
  if (whole.length <= MAX_BYTES) return whole;
  return Buffer.from(`${start} ${JSON.stringify({ oldValues: null, newValues: null, valuesOmitted: true })}`);
}

function severityOf(row: ForwardedRow): number {
  if (row.state !== 'intact') return CRITICAL;
  return row.action === 'DELETE' ? NOTICE : INFORMATIONAL;
}

/** RFC 5424 section 6.2: PRI, VERSION, TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID. */
function header(severity: number, timestamp: string | null, hostname: string, id: string): string {
  return `<${FACILITY * 8 + severity}>1 ${timestamp ?? '-'} ${hostnameOf(hostname)} latchkey - ${id}`;
}

function hostnameOf(text: string): string {
  return text.replace(/[^\u0021-\u007e]/g, '').slice(0, 255) || '-';
}

/** RFC 5424 section 6.3. What has no value is left out. */
function element(name: string, params: Params): string {
  const pairs = Object.entries(params).flatMap(([key, value]) =>
    value === null ? [] : [` ${key}="${paramValue(String(value))}"`],
  );
  return `[${name}@${ENTERPRISE}${pairs.join('')}]`;
}

/** Quote, backslash and bracket are escaped (section 6.3.3); control characters would start lines of their own. */
function paramValue(text: string): string {
  return text
    .slice(0, MAX_PARAM_LENGTH)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/["\\\]]/g, '\\$&');
}

/** JSON in ASCII, so that MSG needs no byte order mark (section 6.4). */
function ascii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
