import { ApiError } from './api-error.js';

/** The strong entity tag of a version (RFC 9110, section 8.8.3). */
export function etagOf(version: number): string {
  return `"v${version}"`;
}

/** Whether `If-Match` (RFC 9110, section 13.1.1) names the present version, or asks for nothing. */
export function ifMatchHolds(ifMatch: string | null, version: number): boolean {
  if (ifMatch === null || ifMatch.trim() === '*') return true;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  return tags.includes(etagOf(version));
}

/** The version that `If-Match` names, or null for a text that is none of our tags. */
export function versionRead(ifMatch: string): number | null {
  const digits = /^\s*"v(\d{1,9})"/.exec(ifMatch)?.[1];
  return digits === undefined ? null : Number(digits);
}

/**
 * Checks `If-Match` against the present version.
 * @param changed fields that changed since the version it names; the refusal lists them
 * @throws ApiError 412 `PRECONDITION_FAILED` when none of the tags is the present one
 */
export function assertIfMatch(
  ifMatch: string | null,
  version: number,
  changed: readonly string[] = [],
): void {
  if (ifMatchHolds(ifMatch, version)) return;
  throw new ApiError('PRECONDITION_FAILED', 'The resource has changed since you read it; read it again.', {
    details: [
      { field: 'If-Match', message: `the present version is ${etagOf(version)}` },
      ...changed.map((field) => ({ field, message: 'changed since the version you name' })),
    ],
    headers: { etag: etagOf(version) },
  });
}
