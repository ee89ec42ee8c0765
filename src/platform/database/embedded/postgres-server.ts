import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries.js';
import type { ClusterHome } from './cluster-home.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { readIfPresent, writePrivateFile } from './private-file.js';
import { identifyProcess, servesDataDirectory } from './process-identity.js';
import { logSize, logTail, rotateLog } from './server-log.js';
import { runCommand, type CommandResult } from './run-command.js';

/** A live server of a cluster. */
export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** How a start ended; `canRetry` when the cause passes by itself or by taking another port. */
export type StartResult =
  { readonly started: true } | { readonly started: false; canRetry: boolean; reason: string };

/** Losing a race for the port or for the cluster, or following a server whose last processes are still ending. */
const PASSING_CAUSES =
  /could not bind|Address already in use|lock file .* already exists|pre-existing shared memory/;
const SECONDS_TO_START = 120;
const SECONDS_TO_STOP = 60;

/** Starts and stops the server of one cluster, and knows it again after the process that started it has died. */
export class PostgresServer {
  readonly #log: string;
  readonly #pidFile: string;

  constructor(
    private readonly home: ClusterHome,
    private readonly binaries: Binaries,
    private readonly password: string,
  ) {
    this.#log = join(home.data, 'server.log');
    this.#pidFile = join(home.data, 'postmaster.pid');
  }

  /** The live server, if there is one; a pid file left by a dead server does not count. */
  running(): RunningServer | null {
    const lines = readIfPresent(this.#pidFile)?.split('\n') ?? [];
    const pid = Number(lines[0]);
    if (!servesDataDirectory(pid, this.home.data)) return null;
    return { pid, port: Number(lines[3]), isReady: lines[7]?.trim() === 'ready' };
  }

  /** The live server once it has finished starting, or null once it has finished stopping. */
  async settled(): Promise<RunningServer | null> {
    const deadline = Date.now() + SECONDS_TO_STOP * 1000;
    for (;;) {
      const server = this.running();
      if (server === null || server.isReady) return server;
      if (Date.now() > deadline)
        throw new EmbeddedPostgresError(
          `PostgreSQL (pid ${server.pid}) has been neither ready nor gone for ${SECONDS_TO_STOP} s.${this.#tail(0)}`,
        );
      await sleep(25);
    }
  }

  /** Starts the server and waits until it accepts connections. */
  async start(): Promise<StartResult> {
    this.#disarmReusedPid();
    rotateLog(this.#log);
    const before = logSize(this.#log);
    const result = await this.#pgCtl(['start', '-w', '-t', String(SECONDS_TO_START), '-l', this.#log]);
    if (result.succeeded) return { started: true };
    const tail = this.#tail(before);
    return {
      started: false,
      canRetry: PASSING_CAUSES.test(tail),
      reason: `PostgreSQL did not start: ${result.summary}${tail}`,
    };
  }

  /** Ends all sessions and stops the server; does nothing when none runs. */
  async stop(): Promise<void> {
    if (this.running() === null) return;
    const before = logSize(this.#log);
    const args = ['stop', '-m', 'fast', '-w', '-t', String(SECONDS_TO_STOP)];
    // A second Ctrl-C must not end pg_ctl half-way.
    const result = await this.#pgCtl(args, true);
    if (result.succeeded || this.running() === null) return;
    throw new EmbeddedPostgresError(`PostgreSQL did not stop: ${result.summary}${this.#tail(before)}`);
  }

  async #pgCtl(args: string[], ownSession = false): Promise<CommandResult> {
    return runCommand(this.binaries.pgCtl, [...args, '-D', this.home.data], {
      account: this.home.account,
      ownSession,
    });
  }

  /**
   * After a crash the pid in the pid file may be that of some other program, and PostgreSQL would wait for its end.
   * The file itself has to stay, because by it PostgreSQL finds sessions of the dead server that still write.
   * Our own pid in it makes PostgreSQL ignore the pid alone: a server may be started by a process that is named there.
   */
  #disarmReusedPid(): void {
    const content = readIfPresent(this.#pidFile);
    if (content === null) return;
    const pid = Number(content.split('\n', 1)[0]);
    if (identifyProcess(pid) === null || servesDataDirectory(pid, this.home.data)) return;
    writePrivateFile(this.#pidFile, content.replace(/^.*/, String(process.pid)), this.home.account);
  }

  #tail(offset: number): string {
    const lines = logTail(this.#log, offset, this.password);
    return lines && `\nLast lines of ${this.#log}:\n${lines}`;
  }
}

/** The major version a cluster belongs to. */
export function clusterVersion(home: ClusterHome): string {
  return readFileSync(join(home.data, 'PG_VERSION'), 'utf8').trim();
}
