import { ApiError } from '../../platform/http/api-error.js';
import { passwordProblems } from '../passwords/password-policy.js';

/**
 * Checks a password that somebody wants to set.
 * @param field the name it has in the request
 * @throws ApiError 400 with every broken rule
 */
export function assertAcceptablePassword(
  password: string,
  owner: { readonly email: string; readonly teamNames: readonly string[] },
  field = 'newPassword',
): void {
  const problems = passwordProblems(password, owner);
  if (problems.length === 0) return;
  throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', {
    details: problems.map(({ message }) => ({ field, message })),
  });
}
