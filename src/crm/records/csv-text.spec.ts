import { parse } from 'csv-parse/sync';
import { csvLines } from './csv-text.js';

describe('CSV text', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\uff1d1'])(
    'takes the power from the formula %j',
    (text) => {
      expect(parse(csvLines([[text]]))).toEqual([[`'${text}`]]);
    },
  );

  it('keeps numbers, and every other text, as a parser of RFC 4180 reads them', () => {
    const rows = [
      ['a "quoted", text', 'two\nlines', 'a\rb', '', 'plain; text'],
      [-122.257, 0, true, null, ['a', 'b']],
    ];
    const text = csvLines(rows);
    expect(text.startsWith('"a ""quoted"", text","two\nlines",')).toBe(true);
    expect(text.endsWith('\r\n')).toBe(true);
    expect(parse(text)).toEqual([rows[0], ['-122.257', '0', 'true', '', 'a;b']]);
  });
});
