import { request } from 'node:http';
import { collectGarbage } from './garbage.js';

/** Rarely, and not at the beginning: while a collection lasts, the server's wait for a connection may run out. */
const CHUNKS_PER_LOOK = 250;

/** What is really held: memory of the process is mostly garbage that nobody needed back yet. */
function liveBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export interface Download {
  readonly lines: number;
  /** The first chunk. */
  readonly first: string;
  /** How much more was held at most while reading than before, in this process, which is the server's too. */
  readonly grownBytes: number;
}

/** Reads an answer without keeping it. */
export function download(port: number, path: string, accessToken: string): Promise<Download> {
  const headers = { authorization: `Bearer ${accessToken}` };
  const before = liveBytes();
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let lines = 0;
      let chunks = 0;
      let first = '';
      let highest = before;
      response.on('data', (chunk: Buffer) => {
        first ||= chunk.toString();
        for (const byte of chunk) if (byte === 10) lines++;
        if (++chunks % CHUNKS_PER_LOOK === 0) highest = Math.max(highest, liveBytes());
      });
      response.on('error', reject);
      response.on('end', () => resolve({ lines, first, grownBytes: highest - before }));
    })
      .on('error', reject)
      .end();
  });
}
