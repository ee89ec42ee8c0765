import type { Principal, Role } from '../../platform/context/principal.js';
import { ApiError } from '../../platform/http/api-error.js';
import { roleRank } from '../scopes/scope-catalogue.js';

/**
 * Nobody gives a role above their own, and nobody changes or removes somebody above them.
 * @throws ApiError 403 `FORBIDDEN`
 */
export function assertWithinOwnRole(caller: Principal, role: Role): void {
  if (roleRank(role) <= roleRank(caller.role)) return;
  throw new ApiError('FORBIDDEN', 'This is for members whose role is at least as high.');
}

/** @returns the refusal of whatever would leave a team without an owner */
export function lastOwner(): ApiError {
  return new ApiError('CONFLICT', 'A team needs an owner: make somebody else an owner first.');
}
