import type pg from 'pg';
import { LeaderConnection } from '../../platform/database/leader-connection.js';
import type { Log } from '../../platform/logging/log.js';

const TICK_MS = 1000;

/** What one instance at a time does. */
export interface LeaderTask {
  /** The advisory lock that names it. */
  readonly lock: number;
  /** What the log says once when it fails. */
  readonly failure: string;
  /**
   * Called every second while this instance leads.
   * @param isNew whether it has just begun to
   * @returns whether to go on leading
   */
  turn(connection: LeaderConnection, isNew: boolean): Promise<boolean>;
  /** Called when a turn failed, before its connection is given up. */
  failed?(connection: LeaderConnection, error: unknown): Promise<void>;
}

/** Keeps one instance at a task, on a connection of its own that is opened anew after every error. */
export class LeaderLoop {
  private connection: LeaderConnection | null = null;
  private leading = false;
  private failing = false;
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> = Promise.resolve();
  private stopping = false;

  constructor(
    private readonly options: pg.ClientConfig,
    private readonly log: Log,
    private readonly task: LeaderTask,
  ) {}

  start(): void {
    if (this.stopping) return;
    this.timer = setTimeout(() => {
      this.running = this.tick().finally(() => this.start());
    }, TICK_MS);
    this.timer.unref();
  }

  /** Resolves when the turn that runs has ended; a long one looks itself whether it should. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (this.timer) clearTimeout(this.timer);
    await this.running;
    await this.drop();
  }

  private async tick(): Promise<void> {
    try {
      this.connection ??= await LeaderConnection.open(this.options, () => void this.drop());
      await this.lead(this.connection);
    } catch (error) {
      if (!this.failing) this.log.error({ err: error }, this.task.failure);
      this.failing = true;
      await this.drop();
    }
  }

  private async lead(connection: LeaderConnection): Promise<void> {
    const isNew = !this.leading;
    if (isNew && !(await connection.lead(this.task.lock))) return;
    this.leading = true;
    try {
      if (!(await this.task.turn(connection, isNew))) await this.drop();
      this.failing = false;
    } catch (error) {
      await this.task.failed?.(connection, error);
      throw error;
    }
  }

  private async drop(): Promise<void> {
    const { connection } = this;
    this.connection = null;
    this.leading = false;
    await connection?.end();
  }
}
