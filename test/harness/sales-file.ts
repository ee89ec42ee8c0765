import { existsSync, readFileSync } from 'node:fs';

const ROWS = 5000;
const TWICE = 38;

/** A file of house sales: some numbers occur twice, all else of every row can be imported. */
export interface SalesFile {
  readonly text: string;
  readonly rows: number;
  /** Rows whose number an earlier row has. */
  readonly repeated: number;
}

/** The public sales of King County if they lie beside the clone, and otherwise rows of the same shape. */
export function salesFile(path: string): SalesFile {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : generated();
  const ids = text
    .trimEnd()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.slice(0, line.indexOf(',')));
  return { text, rows: ids.length, repeated: ids.length - new Set(ids).size };
}

function generated(): string {
  const lines = [
    'id,date,price,bedrooms,bathrooms,sqft_living,sqft_lot,floors,waterfront,view,condition,grade,sqft_above,sqft_basement,yr_built,yr_renovated,zipcode,lat,long,sqft_living15,sqft_lot15',
  ];
  for (let n = 0; n < ROWS; n++) {
    // The repeated ones stand far from the first, in another batch.
    const id = 7_000_000_000 + (n < ROWS - TWICE ? n : (n - ROWS + TWICE) * 100);
    const [month, day] = [1 + (n % 12), 1 + (n % 28)];
    const [price, beds, baths] = [200_000 + n * 10, 1 + (n % 5), 1 + (n % 12) / 4];
    const [living, lot, built] = [900 + n, 4000 + n, 1900 + (n % 115)];
    const [lat, long] = [(47 + (n % 1000) / 1000).toFixed(4), (-122 - (n % 1000) / 1000).toFixed(3)];
    lines.push(
      `${id},${month}/${day}/2014,${price}.0,${beds},${baths},${living},${lot},1.0,,0.0,3,7,${living},0.0,${built},0.0,98${100 + (n % 100)},${lat},${long},${living},${lot}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
