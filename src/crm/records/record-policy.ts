import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { recordLimit, type Scope } from '../../identity/scopes/scope-catalogue.js';

/**
 * Whether the caller may write this record: agents change what is theirs or nobody's and delete what is theirs.
 * @throws ApiError 403 `FORBIDDEN`
 */
export function assertMayWrite(context: RequestContext, scope: Scope, ownerId: string | null): void {
  const { role, userId } = context.principal;
  const limit = recordLimit(scope, role);
  if (limit === null || ownerId === userId || (limit === 'own-or-unassigned' && ownerId === null)) return;
  throw new ApiError('FORBIDDEN', 'This record belongs to somebody else.');
}

/** Only those who run the team. @throws ApiError 403 `FORBIDDEN` */
export function assertManager(context: RequestContext): void {
  const { role } = context.principal;
  if (role === 'owner' || role === 'admin') return;
  throw new ApiError('FORBIDDEN', 'Only owners and admins of the team may do this.');
}
