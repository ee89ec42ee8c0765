import { Readable } from 'node:stream';
import { parse } from 'csv-parse';

const MAX_RECORD_CHARACTERS = 1_000_000;
const DELIMITERS = [',', ';', '\t'];

/** Records of a CSV file as spreadsheets write it: UTF-8 or UTF-16, with a mark or without, and any usual delimiter. */
export async function* csvRows(bytes: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  const texts = decoded(bytes);
  const first = await texts.next();
  if (first.done) return;
  const parser = Readable.from(rejoined(first.value, texts)).pipe(
    parse({
      delimiter: delimiterOf(first.value),
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      max_record_size: MAX_RECORD_CHARACTERS,
    }),
  );
  for await (const row of parser) yield row as string[];
}

/** A stream of texts whose first was taken off already. */
export async function* rejoined(first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

async function* decoded(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | null = null;
  for await (const chunk of bytes) {
    decoder ??= new TextDecoder(encodingOf(chunk));
    const text = decoder.decode(chunk, { stream: true });
    if (text.length > 0) yield text;
  }
  const end = decoder?.decode() ?? '';
  if (end.length > 0) yield end;
}

function encodingOf(start: Buffer): string {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le';
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be';
  if (start[0] !== 0 && start[1] === 0 && start[3] === 0) return 'utf-16le';
  return 'utf-8';
}

/** The delimiter that the header has most of, outside of quotes. */
function delimiterOf(text: string): string {
  const header = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replaceAll(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((each) => header.split(each).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))];
}
