import { ApiError } from './api-error.js';

/** The strong entity tag of a version (RFC 9110, section 8.8.3). */
export function etagOf(version: number): string {
  return `"v${version}"`;
}

/**
 * Checks `If-Match` (RFC 9110, section 13.1.1) against the present version.
 * @throws ApiError 412 `PRECONDITION_FAILED` when none of the tags is the present one
 */
export function assertIfMatch(ifMatch: string | null, version: number): void {
  if (ifMatch === null || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.includes(etagOf(version))) return;
  throw new ApiError('PRECONDITION_FAILED', 'The resource has changed since you read it; read it again.', {
    details: [{ field: 'If-Match', message: `the present version is ${etagOf(version)}` }],
    headers: { etag: etagOf(version) },
  });
}
