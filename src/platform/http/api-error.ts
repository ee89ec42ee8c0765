/** Every code of the API with its HTTP status; the contract's list, and nothing else is ever sent. */
export const ERROR_STATUS = {
  VALIDATION_FAILED: 400,
  MALFORMED_JSON: 400,
  INVALID_CURSOR: 400,
  CREDENTIALS_REJECTED: 400,
  UNAUTHENTICATED: 401,
  INVALID_CREDENTIALS: 401,
  TOKEN_EXPIRED: 401,
  TOKEN_REUSED: 401,
  INVALID_CODE: 401,
  API_KEY_EXPIRED: 401,
  API_KEY_REVOKED: 401,
  INVALID_SIGNATURE: 401,
  FORBIDDEN: 403,
  INSUFFICIENT_SCOPE: 403,
  IP_NOT_ALLOWED: 403,
  IP_BLOCKED: 403,
  STEP_UP_REQUIRED: 403,
  TWO_FACTOR_REQUIRED: 403,
  CSRF_INVALID: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  DUPLICATE: 409,
  ILLEGAL_TRANSITION: 409,
  CREDENTIALS_NOT_CONFIGURED: 409,
  IDEMPOTENCY_IN_PROGRESS: 409,
  PRECONDITION_FAILED: 412,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_MISMATCH: 422,
  RECIPIENT_OPTED_OUT: 422,
  QUIET_HOURS: 422,
  ACCOUNT_LOCKED: 423,
  RATE_LIMIT: 429,
  AUTH_RATE_LIMIT: 429,
  INTERNAL: 500,
  PROVIDER_ERROR: 502,
  UNAVAILABLE: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** What is wrong with one field, or one fact about the refusal. */
export interface ErrorDetail {
  readonly field: string;
  readonly message: string;
}

interface Options {
  readonly details?: readonly ErrorDetail[];
  readonly headers?: Readonly<Record<string, string>>;
  /** For the log alone. */
  readonly cause?: unknown;
}

/** An answer other than success: a stable code, a public sentence, and a cause that never leaves the log. */
export class ApiError extends Error {
  readonly status: number;
  readonly details: readonly ErrorDetail[] | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: Options = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ApiError';
    this.status = ERROR_STATUS[code];
    this.details = options.details ?? null;
    this.headers = options.headers ?? {};
  }
}

/** The same answer for a record of another team and for one that never was. */
export function notFound(): ApiError {
  return new ApiError('NOT_FOUND', 'There is no such resource.');
}

/** One field of the input breaks a rule. */
export function invalidField(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', {
    details: [{ field, message }],
  });
}
