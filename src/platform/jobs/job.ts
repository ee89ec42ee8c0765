/** One piece of work, as its handler gets it. */
export interface Job<T> {
  readonly id: string;
  readonly name: string;
  readonly data: T;
  /** 1 for the first try. */
  readonly attempt: number;
  /** No further try follows a failure of this one. */
  readonly isLastAttempt: boolean;
  /** Fires when the time limit is over or the process stops; the job is tried again then. */
  readonly signal: AbortSignal;
}

/** May run twice (a worker can die after the work and before saying so): handlers must bear that. */
export type JobHandler<T> = (job: Job<T>) => Promise<void>;

export interface JobOptions {
  /** Jobs of this name that run at once in one process; default 4. */
  readonly concurrency?: number;
  /** Tries after the first; default 5. */
  readonly retryLimit?: number;
  /** Wait before the second try, doubled for each further one, with jitter; default 15. */
  readonly retryDelaySeconds?: number;
  /** One try may take this long; default 60. */
  readonly timeoutSeconds?: number;
}

/** What `Jobs.enqueue` takes. The data is sealed before it reaches the database. */
export interface NewJob {
  /** A name that a `handle` of this build declares. */
  readonly name: string;
  /** JSON; anything, personal data and tokens included. */
  readonly data: object;
  /** Not before this moment, by the database's clock; default at once. */
  readonly startAfter?: Date;
  /** At most one job with this key waits for its first try; a second one is dropped silently. */
  readonly singletonKey?: string;
}

/** A registered name with its handler and all options filled in. */
export interface JobDefinition {
  readonly name: string;
  readonly handler: JobHandler<unknown>;
  readonly concurrency: number;
  readonly retryLimit: number;
  readonly retryDelaySeconds: number;
  readonly timeoutSeconds: number;
  /** Seconds between runs of a periodic job; null for jobs that are enqueued. */
  readonly everySeconds: number | null;
}

/** One try that ended with an error. */
export interface JobFailure {
  readonly name: string;
  /** As the handler got it; `{}` when it could not be opened. */
  readonly data: unknown;
  readonly error: unknown;
}
