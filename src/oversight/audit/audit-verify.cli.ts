import { createPublicKey, type KeyObject } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { OfflineCheck } from './offline-check.js';
import type { SealHeader } from './seal.js';

const USAGE = `npm run audit:verify -- FILE [--head HEADS] [--public-key PEM]
  FILE          an NDJSON export of GET /v1/audit-log/export
  --head        a file of anchored heads (audit-heads-YYYY-MM-DD.log), or the "head" that /verify answered
  --public-key  the keys that were kept elsewhere, one or more in PEM; without it the file's own are believed
Ends with 0 when the log is whole, 1 when it is not, 2 when a file cannot be read or HEADS has none of the log's team.`;

/** The newest head of the export's team among the lines of a file. */
function readHead(file: string, teamId: string): SealHeader | null {
  const text = readFileSync(file, 'utf8').trim();
  const lines = text.startsWith('{\n') || !text.includes('\n') ? [text] : text.split('\n');
  let newest: SealHeader | null = null;
  for (const line of lines) {
    const head = JSON.parse(line) as SealHeader;
    if (head.teamId === teamId && head.seq > (newest?.seq ?? 0)) newest = head;
  }
  return newest;
}

function readKeys(file: string): KeyObject[] {
  const blocks = readFileSync(file, 'utf8').match(/-----BEGIN [^]+?-----END [^-]+-----/g);
  if (blocks === null) throw new Error(`${file} holds no key in PEM`);
  return blocks.map((pem) => createPublicKey(pem));
}

async function firstLine(file: string): Promise<string> {
  for await (const line of createInterface({ input: createReadStream(file) })) return line;
  return '{}';
}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { head: { type: 'string' }, 'public-key': { type: 'string' } },
  });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new Error(USAGE);
  const { teamId } = JSON.parse(await firstLine(file)) as { teamId?: string };
  const head = values.head === undefined ? null : readHead(values.head, teamId ?? '');
  if (values.head !== undefined && head === null)
    throw new Error(
      `${values.head} has no head of the log of team ${teamId ?? '(none)'}: without one a cut-off end does not show`,
    );
  const pem = values['public-key'];
  const check = new OfflineCheck(pem === undefined ? null : readKeys(pem), head);
  for await (const line of createInterface({ input: createReadStream(file) })) check.add(line);
  const result = check.result();
  console.log(JSON.stringify({ ...result, keyIds: check.keyIds }, null, 2));
  if (values['public-key'] === undefined)
    console.error('The public keys came from the file itself: compare keyIds with those you kept.');
  if (head === null)
    console.error('No anchored head was given: a log that was cut off at its end looks whole.');
  return result.valid ? 0 : 1;
}

try {
  process.exitCode = await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
