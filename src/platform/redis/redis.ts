import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Redis as Client } from 'ioredis';
import { Config } from '../config/config.js';
import { Log } from '../logging/log.js';

/** The longest that a request waits for Redis. */
const COMMAND_TIMEOUT_MS = 150;
const CONNECT_TIMEOUT_MS = 1000;
/** After a failure nobody asks Redis for this long, so a Redis that hangs costs one wait and not one a request. */
const PAUSE_MS = 1000;
const MAX_RECONNECT_MS = 1000;

/**
 * The connection to Redis, if one is configured. It holds nothing that must not be lost: whoever uses it says what to
 * do without it, and no command is queued for a Redis that is away.
 */
@Injectable()
export class Redis implements OnApplicationShutdown {
  private readonly client: Client | null;
  private pausedUntilMs = 0;
  private away = false;

  constructor(
    config: Config,
    private readonly log: Log,
  ) {
    this.client = config.redisUrl === null ? null : connect(config.redisUrl);
    // Without a listener every failed attempt to connect would be printed.
    this.client?.on('error', (error: Error) => this.noteFailure(error));
    this.client?.on('ready', () => this.noteReturn());
  }

  get isConfigured(): boolean {
    return this.client !== null;
  }

  /** What the command answers, or null when Redis is not configured, away, or too slow. */
  async ask<T>(command: (client: Client) => Promise<T>): Promise<T | null> {
    if (this.client === null || Date.now() < this.pausedUntilMs) return null;
    if (this.client.status !== 'ready') return null;
    try {
      const answer = await command(this.client);
      if (this.away) this.noteReturn();
      return answer;
    } catch (error) {
      this.noteFailure(error);
      return null;
    }
  }

  /** Whether Redis answers now; true when none is configured. */
  async isReady(): Promise<boolean> {
    if (this.client === null) return true;
    if (this.client.status !== 'ready') return false;
    try {
      await this.client.ping();
      this.noteReturn();
      return true;
    } catch {
      return false;
    }
  }

  onApplicationShutdown(): void {
    this.client?.disconnect();
  }

  private noteFailure(error: unknown): void {
    this.pausedUntilMs = Date.now() + PAUSE_MS;
    if (!this.away) this.log.warn({ err: error }, 'Redis is away; every instance counts for itself');
    this.away = true;
  }

  private noteReturn(): void {
    this.pausedUntilMs = 0;
    if (this.away) this.log.info({}, 'Redis is back; limits are shared again');
    this.away = false;
  }
}

function connect(url: string): Client {
  return new Client(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, MAX_RECONNECT_MS),
  });
}
