import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { ApiError, type ErrorDetail, notFound } from '../../platform/http/api-error.js';
import { Page } from '../../platform/http/page.js';
import { cidrProblem } from '../../platform/net/cidr.js';
import { isGrantableToKeys, isScope } from '../scopes/scope-catalogue.js';
import type { ApiKey } from './api-key.entity.js';
import { generateApiKey } from './api-key-format.js';
import { ApiKeysRepository, type KeyUsage } from './api-keys.repository.js';
import type { ApiKeyView, CreatedApiKeyView } from './dto/api-key.views.js';
import type { CreateApiKeyDto } from './dto/create-api-key.dto.js';
import type { ListApiKeysDto } from './dto/list-api-keys.dto.js';

const DEFAULT_DAYS = 90;
const MAX_DAYS = 365;
const UNUSED: KeyUsage = { lastUsedAt: null, lastUsedIp: null, scopes: [] };
const DAY_MS = 86_400_000;

/** Making, showing and ending API keys. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly cipher: SubjectCipher,
    private readonly clock: Clock,
  ) {}

  /** @throws ApiError 400 for unknown or ungrantable scopes and bad addresses, 403 for scopes the creator lacks */
  async create(context: RequestContext, input: CreateApiKeyDto): Promise<CreatedApiKeyView> {
    this.assertGrantable(context, input.scopes);
    assertAddresses(input.allowedIps);
    const generated = generateApiKey(input.environment);
    const secretHash = await this.cipher.fingerprint(context.principal.teamId, 'api-key', generated.key);
    const key = await this.keys.create(context, {
      fields: {
        publicId: generated.id,
        secretHash,
        name: input.name,
        environment: input.environment,
        prefix: generated.prefix,
        lastFour: generated.lastFour,
        createdBy: context.principal.userId,
        allowedIps: input.allowedIps,
        ipMode: input.ipMode,
        rateLimitPerMinute: input.rateLimitPerMinute ?? null,
        expiresAt: this.expiryOf(input),
        revokedAt: null,
      },
    });
    this.keys.stageScopes(context, key.id, input.scopes);
    const usage: KeyUsage = { lastUsedAt: null, lastUsedIp: null, scopes: [...input.scopes].sort() };
    return { ...this.viewOf(key, usage), key: generated.key };
  }

  async list(context: RequestContext, query: ListApiKeysDto): Promise<Page<ApiKeyView>> {
    const own = context.principal.role === 'agent' ? context.principal.userId : undefined;
    const page = await this.keys.list(context, {
      limit: query.limit,
      cursor: query.cursor ?? null,
      sort: '-createdAt',
      equal: { createdBy: own },
      createdAfter: null,
      updatedAfter: null,
      tokens: [],
    });
    const usage = await this.keys.usageOf(
      context,
      page.items.map((key) => key.id),
    );
    return page.map((key) => this.viewOf(key, usage.get(key.id) ?? UNUSED));
  }

  async get(context: RequestContext, id: string): Promise<ApiKeyView> {
    const key = await this.mine(context, id);
    return this.viewWithUsage(context, key);
  }

  /** Ends the key at once, on every instance; revoking it again changes nothing. */
  async revoke(context: RequestContext, id: string): Promise<ApiKeyView> {
    const key = await this.mine(context, id);
    if (key.revokedAt !== null) {
      context.work.noChange('the key is revoked already');
      return this.viewWithUsage(context, key);
    }
    const revoked = await this.keys.update(context, key, { fields: { revokedAt: this.clock.nowIso() } });
    this.keys.stageNotice(context, id);
    return this.viewWithUsage(context, revoked);
  }

  /** An agent's keys are their own; another's is as if it did not exist. */
  private async mine(context: RequestContext, id: string): Promise<ApiKey> {
    const key = await this.keys.get(context, id);
    const { role, userId } = context.principal;
    if (role === 'agent' && key.createdBy !== userId) throw notFound();
    return key;
  }

  private assertGrantable(context: RequestContext, scopes: readonly string[]): void {
    const problems: ErrorDetail[] = scopes.flatMap((scope) =>
      isScope(scope)
        ? isGrantableToKeys(scope)
          ? []
          : [{ field: 'scopes', message: `${scope} cannot be given to a key` }]
        : [{ field: 'scopes', message: 'is not a scope of GET /v1/scopes' }],
    );
    if (problems.length > 0)
      throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', { details: problems });
    const lacking = scopes.filter((scope) => !context.principal.scopes.has(scope));
    if (lacking.length > 0) {
      throw new ApiError('INSUFFICIENT_SCOPE', 'You cannot give a key what you do not hold yourself.', {
        details: [
          { field: 'required', message: lacking.join(' ') },
          { field: 'granted', message: [...context.principal.scopes].sort().join(' ') },
        ],
      });
    }
  }

  private expiryOf(input: CreateApiKeyDto): string {
    const now = this.clock.nowMs();
    if (input.expiresAt !== undefined && input.expiresInDays !== undefined) {
      throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', {
        details: [{ field: 'expiresAt', message: 'give expiresAt or expiresInDays, not both' }],
      });
    }
    const at =
      input.expiresAt === undefined
        ? now + (input.expiresInDays ?? DEFAULT_DAYS) * DAY_MS
        : Date.parse(input.expiresAt);
    if (!(at > now) || at > now + MAX_DAYS * DAY_MS) {
      throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', {
        details: [{ field: 'expiresAt', message: `is in the future, at most ${MAX_DAYS} days ahead` }],
      });
    }
    return new Date(at).toISOString();
  }

  private async viewWithUsage(context: RequestContext, key: ApiKey): Promise<ApiKeyView> {
    return this.viewOf(key, (await this.keys.usageOf(context, [key.id])).get(key.id) ?? UNUSED);
  }

  private viewOf(key: ApiKey, usage: KeyUsage): ApiKeyView {
    const expired = Date.parse(key.expiresAt) <= this.clock.nowMs();
    return {
      id: key.id,
      name: key.name,
      environment: key.environment,
      prefix: key.prefix,
      lastFour: key.lastFour,
      scopes: [...usage.scopes],
      allowedIps: key.allowedIps,
      ipMode: key.ipMode,
      rateLimitPerMinute: key.rateLimitPerMinute,
      status: key.revokedAt !== null ? 'revoked' : expired ? 'expired' : 'active',
      expiresAt: key.expiresAt,
      revokedAt: key.revokedAt,
      lastUsedAt: usage.lastUsedAt,
      lastUsedIp: usage.lastUsedIp,
      createdBy: key.createdBy,
      version: key.version,
      createdAt: key.createdAt,
      updatedAt: key.updatedAt,
    };
  }
}

function assertAddresses(addresses: readonly string[]): void {
  const details = addresses.flatMap((text, index) => {
    const problem = cidrProblem(text);
    return problem === null ? [] : [{ field: `allowedIps.${index}`, message: problem }];
  });
  if (details.length > 0)
    throw new ApiError('VALIDATION_FAILED', 'The request has invalid fields.', { details });
}
