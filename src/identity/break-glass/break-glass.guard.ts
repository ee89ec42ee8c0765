import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { newId } from '../../platform/crypto/new-id.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ChangeRecorder } from '../../platform/database/change-recorder.js';
import { Database, enter } from '../../platform/database/database.js';
import { ApiError } from '../../platform/http/api-error.js';

/** Of what goes into a team's log for good; no route of ours comes near it. */
const MAX_PATH_LENGTH = 512;
/** Whatever takes data out in bulk, brings it in, or cannot be undone. */
const CLOSED_ROUTE = /\/(?:export|import|imports|erase|forward[a-z-]*)(?:\/|$)/;

/**
 * Global guard after authentication: each request of a platform admin inside a team is written into that team's
 * audit log before anything else happens, also one that is then refused. What cannot be recorded does not happen.
 */
@Injectable()
export class BreakGlassGuard implements CanActivate {
  constructor(
    private readonly database: Database,
    private readonly recorder: ChangeRecorder,
  ) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const { context } = request;
    const grantId = context.principalOrNull?.breakGlassId ?? null;
    if (grantId === null) return true;
    await this.record(request, context, grantId);
    if (CLOSED_ROUTE.test(request.routeOptions.url ?? '')) {
      throw new ApiError('FORBIDDEN', 'This is closed to platform admins inside a team.');
    }
    return true;
  }

  private async record(request: FastifyRequest, context: RequestContext, grantId: string): Promise<void> {
    const { teamId, userId, apiKeyId, authMethod } = context.principal;
    const { ipAddress, userAgent, requestId } = context;
    // Without the query: filters hold personal data.
    const path = request.url.split('?', 1)[0].slice(0, MAX_PATH_LENGTH);
    const statements = this.recorder.statements(
      { teamId, userId, apiKeyId, authMethod, ipAddress, userAgent, requestId },
      [
        {
          id: newId(),
          action: 'CREATE',
          resourceType: 'break_glass_request',
          resourceId: grantId,
          oldValues: null,
          newValues: { method: request.method, path },
          sealed: null,
        },
      ],
    );
    await this.database.run([enter({ teamId, userId }, newId()), ...statements]);
  }
}
