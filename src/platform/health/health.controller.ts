import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Database } from '../database/database.js';
import { Public } from '../http/route-metadata.js';
import { Redis } from '../redis/redis.js';
import { HealthView } from './health.view.js';
import { Readiness } from './readiness.js';

const CHECK_TIMEOUT_MS = 2000;

@Controller()
export class HealthController {
  constructor(
    private readonly database: Database,
    private readonly redis: Redis,
    private readonly readiness: Readiness,
  ) {}

  /** The process is up. */
  @Get('healthz')
  @Public('a load balancer has no credential')
  health(): HealthView {
    return { status: 'ok' };
  }

  /** The process can serve: its database answers, Redis too where one is configured, and it is not about to end. 503 otherwise. */
  @Get('readyz')
  @Public('a load balancer has no credential')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthView> {
    const answers = this.readiness.draining
      ? [false]
      : await Promise.all([this.databaseAnswers(), this.redis.isReady()]);
    if (answers.every(Boolean)) return { status: 'ok' };
    void reply.status(503);
    return { status: 'unavailable' };
  }

  private async databaseAnswers(): Promise<boolean> {
    const timeout = new Promise<false>((resolve) => {
      setTimeout(() => resolve(false), CHECK_TIMEOUT_MS).unref();
    });
    const answer = this.database.runOne({ name: null, text: 'SELECT 1', values: [] }).then(
      () => true,
      () => false,
    );
    return Promise.race([answer, timeout]);
  }
}
