import type { IncomingHttpHeaders } from 'node:http';
import type { Statement } from '../database/statement.js';
import type { RequestEnd } from '../http/request-end.js';

/** What is known of a request before it is handled: no path, no query, no header but the id. */
export interface RequestStart {
  readonly method: string;
  /** The route's pattern; null for a path that leads nowhere. */
  readonly route: string | null;
  readonly scheme: string;
  readonly requestId: string;
}

/** A request that is under way. */
export interface RequestSpan {
  /** 32 hex digits; the caller's when it sent a `traceparent`. */
  readonly traceId: string;
  /** Does the work as part of the request: what it starts finds its place in the trace, also later. */
  within(work: () => void): void;
  end(end: RequestEnd, teamId: string | null): void;
}

/** Statements on their way to the database and back. */
export interface StatementSpan {
  /** They have their connection: what they waited until now was not PostgreSQL's doing. */
  connected(): void;
  /**
   * A read goes in one round trip with others, each of which has a span of its own.
   * @param first of those in the round trip that have one, perhaps this  @param size of the round trip, in statements
   */
  travels(first: StatementSpan, size: number): void;
}

/** One try of a job. */
export interface JobRun {
  readonly name: string;
  readonly id: string;
  readonly attempt: number;
}

/**
 * What is recorded when traces are made (docs/decisions/0034). Nothing here takes a value that somebody wrote, and an error
 * leaves its code or its type, never its message.
 */
export interface Spans {
  request(start: RequestStart, headers: IncomingHttpHeaders): RequestSpan;
  /** `work` gets null when nobody would see its span: the request has ended, is not recorded, or there is none. */
  statements<T>(
    statements: readonly Statement[],
    work: (span: StatementSpan | null) => Promise<T>,
  ): Promise<T>;
  job<T>(run: JobRun, work: () => Promise<T>): Promise<T>;
  outgoing<T extends { readonly status: number }>(method: string, work: () => Promise<T>): Promise<T>;
  /** @param kind a word of ours for what the mail is about */
  mail<T>(kind: string, work: () => Promise<T>): Promise<T>;
  /** Sends what waits, for a second at most; never throws. */
  stop(): Promise<void>;
}
