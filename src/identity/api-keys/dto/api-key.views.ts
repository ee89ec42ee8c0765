/** A key as lists show it. */
export class ApiKeyView {
  id: string;
  name: string;
  environment: 'live' | 'test';
  /** First characters of the key, to tell keys apart. */
  prefix: string;
  lastFour: string;
  scopes: string[];
  allowedIps: string[];
  ipMode: 'enforce' | 'observe';
  /** Requests a minute for this key alone, or null for the default. */
  rateLimitPerMinute: number | null;
  /**
   * `expiring` in its last seven days; `rotating` while a successor exists and this one still works;
   * `expired` and `revoked` keys are refused.
   */
  status: 'active' | 'expiring' | 'expired' | 'revoked' | 'rotating';
  expiresAt: string;
  revokedAt: string | null;
  /** The key that takes over from this one, once it was rotated. */
  replacedBy: string | null;
  lastUsedAt: string | null;
  lastUsedIp: string | null;
  /** The person whose rights bound the key's. */
  createdBy: string;
  version: number;
  createdAt: string;
  updatedAt: string;
}

/** The one answer that holds the key. */
export class CreatedApiKeyView extends ApiKeyView {
  /** The key itself; it is shown now and never again. */
  key: string;
}
