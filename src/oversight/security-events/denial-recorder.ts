import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { IntegrityError } from '../../platform/crypto/aead.js';
import type { ApiError, ErrorCode } from '../../platform/http/api-error.js';
import { type RefusalRecorder, Refusals } from '../../platform/http/refusals.js';
import type { RequestEnd } from '../../platform/http/request-end.js';
import type { JobFailure } from '../../platform/jobs/job.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import type { SecurityEventType } from './event-types.js';
import type { SecurityEvent } from './security-event.js';
import { factsOf, SecurityEvents } from './security-events.service.js';

/** A request that takes longer is worth a look. */
const SLOW_REQUEST_MS = 5000;

/** Refusals with a type of their own; every other 403 is `permission_denied`. */
const TYPE_OF_CODE: Partial<Record<ErrorCode, SecurityEventType>> = {
  IP_NOT_ALLOWED: 'ip_not_allowed',
  CSRF_INVALID: 'csrf_failed',
  RATE_LIMIT: 'rate_limited',
  AUTH_RATE_LIMIT: 'rate_limited',
  INVALID_CREDENTIALS: 'login_failed',
  ACCOUNT_LOCKED: 'login_failed',
  INVALID_CODE: 'two_factor_failed',
  TOKEN_REUSED: 'token_reused',
  INVALID_SIGNATURE: 'webhook_signature_failed',
  API_KEY_EXPIRED: 'credential_rejected',
  API_KEY_REVOKED: 'credential_rejected',
  INTERNAL: 'server_error',
  PROVIDER_ERROR: 'server_error',
};

/** Being asked to prove oneself again is part of a normal day. */
const ORDINARY: ReadonlySet<ErrorCode> = new Set(['STEP_UP_REQUIRED', 'TWO_FACTOR_REQUIRED']);

/** Somebody wrote into the database behind our back, or a master key is missing: never a normal day. */
const ALTERED = { type: 'suspicious_activity', severity: 'critical' } as const;
const ALTERED_RULE = 'sealed_value_does_not_open';

/** Records every denial where errors are answered: guards refuse before any interceptor runs. */
@Injectable()
export class DenialRecorder implements RefusalRecorder {
  constructor(
    private readonly events: SecurityEvents,
    refusals: Refusals,
    jobs: Jobs,
  ) {
    refusals.record(this);
    jobs.onFailure((failure) => this.recordFailedJob(failure));
  }

  recordRefusal(request: FastifyRequest, error: ApiError): void {
    // A stream that broke before its first byte was recorded as it broke.
    if (error.cause instanceof IntegrityError) return this.events.recordRefusal(alteredIn(request));
    const type = typeOf(request, error);
    if (type === null) return;
    this.events.recordRefusal({
      ...factsOf(request),
      type,
      ...(ORDINARY.has(error.code) ? { severity: 'low' as const } : {}),
      details: { code: error.code, route: routeOf(request) },
    });
  }

  /** For the hook before each answer: what breaks a stream comes after the status, when no filter hears of it. */
  onSend(request: FastifyRequest, payload: unknown): void {
    if (!(payload instanceof Readable)) return;
    payload.once('error', (error) => {
      if (error instanceof IntegrityError) this.events.record(alteredIn(request));
    });
  }

  private recordFailedJob({ name, data, error }: JobFailure): void {
    if (!(error instanceof IntegrityError)) return;
    const { teamId } = data as { teamId?: unknown };
    this.events.record({
      ...ALTERED,
      teamId: typeof teamId === 'string' ? teamId : null,
      userId: null,
      ipAddress: null,
      requestId: null,
      details: { rule: ALTERED_RULE, job: name },
    });
  }

  /** For the end of each request, whoever waited for it. */
  onEnd(request: FastifyRequest, { status, durationMs }: RequestEnd): void {
    if (durationMs < SLOW_REQUEST_MS) return;
    const details = { route: routeOf(request), durationMs: Math.round(durationMs), status };
    this.events.record({ ...factsOf(request), type: 'slow_request', details });
  }
}

function alteredIn(request: FastifyRequest): SecurityEvent {
  return { ...factsOf(request), ...ALTERED, details: { rule: ALTERED_RULE, route: routeOf(request) } };
}

function typeOf(request: FastifyRequest, error: ApiError): SecurityEventType | null {
  const known = TYPE_OF_CODE[error.code];
  if (known) return known;
  if (error.status === 403) return 'permission_denied';
  const presented = request.headers.authorization !== undefined || request.headers['x-api-key'] !== undefined;
  return error.code === 'UNAUTHENTICATED' && presented ? 'credential_rejected' : null;
}

/** The pattern of the route, never the path: paths and queries hold what clients put there. */
function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? '(no such route)'}`;
}
