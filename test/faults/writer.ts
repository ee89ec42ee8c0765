import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Acknowledged, Action } from './journal.js';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One connection that changes clients without pause and writes down what it was promised. */
export class Writer {
  readonly journal: Acknowledged[] = [];
  /** Answers of 503. */
  unavailable = 0;
  /** Requests whose connection ended without an answer. */
  broken = 0;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  /** Clients whose state this writer knows; one whose last change has no answer is left alone. */
  private readonly mine: string[] = [];

  constructor(
    private readonly port: number,
    private readonly apiKey: string,
  ) {}

  async run(more: () => boolean, acknowledged: () => void): Promise<void> {
    while (more()) {
      try {
        this.journal.push(await this.change());
        acknowledged();
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        // Not available, or the process died under us: whether the change was made, nobody told.
        if (error instanceof UnavailableError) this.unavailable++;
        else this.broken++;
        await sleep(20);
      }
    }
    this.agent.destroy();
  }

  private async change(): Promise<Acknowledged> {
    const dice = Math.random();
    const at = Math.floor(Math.random() * this.mine.length);
    if (this.mine.length < 20 || dice < 0.6) return this.create();
    const [id] = this.mine.splice(at, 1);
    if (dice < 0.9) {
      const done = await this.send('UPDATE', 'PATCH', `/v1/clients/${id}`, { notes: randomUUID() });
      this.mine.push(id);
      return done;
    }
    return this.send('DELETE', 'DELETE', `/v1/clients/${id}`);
  }

  private async create(): Promise<Acknowledged> {
    const done = await this.send('CREATE', 'POST', '/v1/clients', {
      firstName: 'Fault',
      lastName: randomUUID(),
    });
    this.mine.push(done.id);
    return done;
  }

  private async send(action: Action, method: string, path: string, body?: object): Promise<Acknowledged> {
    const requestId = randomUUID();
    const { status, text } = await this.exchange(method, path, requestId, body);
    const { data } = JSON.parse(text) as { data: { id: string; version?: number } };
    if (status >= 200 && status < 300)
      return { action, id: data.id, version: data.version ?? null, requestId };
    if (status === 503) throw new UnavailableError();
    throw new RefusedError(`${method} ${path} answered ${status}`);
  }

  private exchange(method: string, path: string, requestId: string, body?: object): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = { 'x-api-key': this.apiKey, 'x-request-id': requestId };
    if (payload !== undefined) headers['content-type'] = 'application/json';
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, method, path, headers, agent: this.agent };
      const request = httpRequest(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('cut off')));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
        });
      });
      request.on('error', reject);
      request.end(payload);
    });
  }
}

class UnavailableError extends Error {}

/** An answer that no crash explains. */
class RefusedError extends Error {}
