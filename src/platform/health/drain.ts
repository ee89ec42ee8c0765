import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { Readiness } from './readiness.js';

/**
 * Longer than this after the signal and the process ends as it is (exit code 1). Jobs that were running go back to the queue
 * after their time limit; nothing that was acknowledged is lost.
 */
export const SHUTDOWN_LIMIT_MS = 10_000;

/** Requests that are under way may take this long once no new ones are taken. */
const IN_FLIGHT_LIMIT_MS = 6000;

/**
 * Ends the application so that clients notice nothing: `/readyz` says 503 first, `noticeMs` later no connection is
 * accepted any more, what is under way is answered, and what hangs is cut after six seconds.
 * @param noticeMs time for a load balancer to look the other way
 */
export async function drain(app: INestApplication, noticeMs: number): Promise<void> {
  app.get(Readiness).drain();
  if (noticeMs > 0) await sleep(noticeMs);
  const server = app.getHttpServer() as Server;
  const cut = setTimeout(() => server.closeAllConnections(), IN_FLIGHT_LIMIT_MS);
  await app.close().finally(() => clearTimeout(cut));
}
