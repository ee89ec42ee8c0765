import { setTimeout as sleep } from 'node:timers/promises';
import { accept, WebhookServer } from '../harness/webhook-receiver.js';
import type { FaultDatabase } from './database.js';

const HOST = '127.9.0.6';
const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
/** One delivery of this many is refused, so that kills meet repetitions too. */
const REFUSE_EVERY = 7;
const LIMIT_MS = 120_000;

export interface Forwarded {
  /** Rows of the audit log that the collector never accepted. */
  readonly unforwarded: number;
  /** Rows that it accepted more than once: at least once is the promise. */
  readonly repeated: number;
}

/** A log collector: what it answered with 204 counts as kept, and nothing else does. */
export class Collector {
  private readonly kept: string[] = [];
  private count = 0;

  private constructor(private readonly server: WebhookServer) {}

  static async listen(): Promise<Collector> {
    const collector = new Collector(await WebhookServer.listen(HOST));
    collector.server.answer = (response) => {
      const { json } = collector.server.received[collector.server.received.length - 1];
      collector.server.received.length = 0;
      collector.count++;
      if (collector.count % REFUSE_EVERY === 0) {
        response.writeHead(500).end();
        return;
      }
      for (const { rows } of json.data.batches)
        collector.kept.push(...rows.map(({ id }: { id: string }) => id));
      accept(response);
    };
    return collector;
  }

  get env(): Record<string, string> {
    return {
      AUDIT_FORWARD_URL: this.server.url,
      AUDIT_FORWARD_SECRET: SECRET,
      AUDIT_FORWARD_ALLOWED_RANGES: `${HOST}/32`,
      OUTBOUND_ALLOW_HTTP: 'true',
    };
  }

  /** Waits until nothing is left to forward, then compares. */
  async compare(database: FaultDatabase): Promise<Forwarded> {
    for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await sleep(200)) {
      const [{ waiting }] = await database.sql<{ waiting: number }>(
        'SELECT count(*)::int AS waiting FROM latchkey.seals_to_forward(1)',
      );
      if (waiting === 0) break;
    }
    const kept = new Set(this.kept);
    const stored = await database.sql<{ id: string }>('SELECT id FROM audit_log');
    return {
      unforwarded: stored.filter(({ id }) => !kept.has(id)).length,
      repeated: this.kept.length - kept.size,
    };
  }

  close(): Promise<void> {
    return this.server.close();
  }
}
