import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import pg from 'pg';
import { Config } from '../config/config.js';
import { Log } from '../logging/log.js';
import { DatabaseAddress } from './database-address.js';
import type { Statement } from './statement.js';

const CHANNEL = 'latchkey_invalidate';
const HEARTBEAT_MS = 300;
/** Older than this and nobody may trust what was cached. */
const TRUSTED_MS = 1000;

type Listener = (subject: string | null) => void;

/**
 * Tells every instance within milliseconds that a principal changed. The notice is part of the transaction
 * that changes it (LISTEN/NOTIFY on a connection of its own, past any pooler), so a commit cannot forget it.
 */
@Injectable()
export class Invalidations implements OnModuleInit, OnApplicationShutdown {
  private readonly listeners: Listener[] = [];
  private client: pg.Client | null = null;
  private aliveAtMs = 0;
  private timer: NodeJS.Timeout | null = null;
  private connecting = false;
  private stopping = false;

  constructor(
    private readonly address: DatabaseAddress,
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  /** `listener` gets the changed subject, or null when notices may have been missed and all is to be dropped. */
  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Whether caches may be believed right now. */
  get trusted(): boolean {
    return Date.now() - this.aliveAtMs < TRUSTED_MS;
  }

  async onModuleInit(): Promise<void> {
    await this.connect().catch((error: unknown) =>
      this.log.error({ err: error }, 'cannot listen for invalidations yet'),
    );
    this.timer = setInterval(() => void this.beat(), HEARTBEAT_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    if (this.timer) clearInterval(this.timer);
    await this.client?.end().catch(() => undefined);
  }

  /** One attempt at a time: a beat is shorter than an attempt may take, and each one that succeeds holds a connection. */
  private async connect(): Promise<void> {
    if (this.connecting) return;
    this.connecting = true;
    const client = new pg.Client({
      ...this.address.direct(this.config),
      connectionTimeoutMillis: 2000,
      query_timeout: TRUSTED_MS,
    });
    // Without a listener a lost connection would end the process.
    client.on('error', () => this.lose(client));
    client.on('end', () => this.lose(client));
    client.on('notification', (message) => this.tell(message.payload ?? null));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      if (this.stopping) throw new Error('the application is closing');
      this.client = client;
      this.tell(null);
      this.aliveAtMs = Date.now();
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    } finally {
      this.connecting = false;
    }
  }

  private lose(client: pg.Client): void {
    if (this.client !== client) return;
    this.client = null;
    this.aliveAtMs = 0;
    this.tell(null);
  }

  private async beat(): Promise<void> {
    if (this.stopping) return;
    const client = this.client;
    try {
      if (client === null) {
        await this.connect();
        return;
      }
      const sentMs = Date.now();
      await client.query('SELECT 1');
      this.aliveAtMs = Math.max(this.aliveAtMs, sentMs);
    } catch {
      if (client) {
        this.lose(client);
        void client.end().catch(() => undefined);
      }
    }
  }

  private tell(subject: string | null): void {
    // The pool is closing as well: nobody can read anything anew.
    if (this.stopping) return;
    for (const listener of this.listeners) listener(subject);
  }
}

/** The statement that sends a notice with the transaction it is part of. */
export function invalidate(subject: string): Statement {
  return { name: 'invalidate', text: `SELECT pg_notify('${CHANNEL}', $1)`, values: [subject] };
}
