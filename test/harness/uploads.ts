import type { Answer, HttpClient } from './http-client.js';

const BOUNDARY = 'boundary';

/** A form with a CSV file, as a browser sends it; fields come before the file. */
export function csvForm(
  file: string | Buffer,
  fields: Readonly<Record<string, string>> = {},
): { raw: Buffer; headers: Record<string, string> } {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\ncontent-type: text/csv\r\n\r\n`;
  const raw = Buffer.concat([
    Buffer.from(parts.join('') + head),
    Buffer.from(file),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ]);
  return { raw, headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` } };
}

/** Uploads a file to be imported. */
export function uploadCsv(
  http: HttpClient,
  resource: string,
  file: string | Buffer,
  fields: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const form = csvForm(file, fields);
  return http.send('POST', `/v1/${resource}/import`, {
    raw: form.raw,
    headers: { ...form.headers, ...headers },
  });
}
