import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { ApiError, notFound } from '../../platform/http/api-error.js';
import { assertIfMatch } from '../../platform/http/etag.js';
import { Page } from '../../platform/http/page.js';
import { recordLimit } from '../scopes/scope-catalogue.js';
import type { ApiKey } from './api-key.entity.js';
import { generateApiKey } from './api-key-format.js';
import {
  assertGrantable,
  canonicalRanges,
  expiryOf,
  overlapEnd,
  renewedExpiry,
  statusOf,
} from './api-key-rules.js';
import { ApiKeysRepository, type LastUse, UNUSED } from './api-keys.repository.js';
import type { ApiKeyView, CreatedApiKeyView } from './dto/api-key.views.js';
import type { CreateApiKeyDto } from './dto/create-api-key.dto.js';
import type { PageDto } from '../../platform/http/page.dto.js';
import type { UpdateApiKeyDto } from './dto/update-api-key.dto.js';
import { SandboxTeams } from './sandbox-teams.js';

/** What a key is made of besides what is generated. */
type KeyTerms = Pick<
  ApiKey,
  'name' | 'environment' | 'scopes' | 'allowedIps' | 'ipMode' | 'rateLimitPerMinute' | 'expiresAt'
>;

/** Making, showing, changing, rotating and ending API keys. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeysRepository,
    private readonly sandboxes: SandboxTeams,
    private readonly cipher: SubjectCipher,
    private readonly clock: Clock,
  ) {}

  /** @throws ApiError 400 for unknown or ungrantable scopes and bad addresses, 403 for scopes the creator lacks */
  async create(context: RequestContext, input: CreateApiKeyDto): Promise<CreatedApiKeyView> {
    assertGrantable(input.scopes, context.principal.scopes);
    const { key, secret } = await this.make(context, {
      name: input.name,
      environment: input.environment,
      scopes: [...input.scopes].sort(),
      allowedIps: canonicalRanges(input.allowedIps),
      ipMode: input.ipMode,
      rateLimitPerMinute: input.rateLimitPerMinute ?? null,
      expiresAt: expiryOf(input, this.clock.nowMs()),
    });
    return { ...this.viewOf(key, UNUSED), key: secret };
  }

  async list(context: RequestContext, query: PageDto): Promise<Page<ApiKeyView>> {
    const { page, lastUses } = await this.keys.listWithUse(context, {
      limit: query.limit,
      cursor: query.cursor ?? null,
      sort: '-createdAt',
      equal: { createdBy: seesOnlyOwn(context) ? context.principal.userId : undefined },
      createdAfter: null,
      updatedAfter: null,
      tokens: [],
    });
    return page.map((key) => this.viewOf(key, lastUses.get(key.id) ?? UNUSED));
  }

  /** @throws ApiError 404 */
  async get(context: RequestContext, id: string): Promise<ApiKeyView> {
    const { key, lastUse } = await this.mine(context, id, null);
    return this.viewOf(key, lastUse);
  }

  /**
   * Changes the fields that are sent; the key notices within a second, everywhere.
   * @throws ApiError 404, 412, 409 `CONFLICT` for a key that has ended, 400 and 403 as on creation
   */
  async update(
    context: RequestContext,
    id: string,
    ifMatch: string | null,
    input: UpdateApiKeyDto,
  ): Promise<ApiKeyView> {
    const { key, lastUse } = await this.mine(context, id, ifMatch);
    this.assertWorking(key);
    if (input.scopes !== undefined) assertGrantable(input.scopes, context.principal.scopes);
    if (input.expiresAt !== undefined && key.replacedBy !== null) {
      throw new ApiError('CONFLICT', 'The key was rotated; its end is that of the overlap.');
    }
    const { name, ipMode, rateLimitPerMinute } = input;
    const changed = await this.keys.alter(context, key, {
      ...(name === undefined ? {} : { name }),
      ...(ipMode === undefined ? {} : { ipMode }),
      ...(rateLimitPerMinute === undefined ? {} : { rateLimitPerMinute }),
      ...(input.scopes === undefined ? {} : { scopes: [...input.scopes].sort() }),
      ...(input.allowedIps === undefined ? {} : { allowedIps: canonicalRanges(input.allowedIps) }),
      ...(input.expiresAt === undefined ? {} : { expiresAt: expiryOf(input, this.clock.nowMs()) }),
    });
    return this.viewOf(changed, lastUse);
  }

  /**
   * A new key with the terms of this one; the old one ends with the overlap. The new key is its maker's: whoever
   * learns a secret acts in their own name and with their own rights (docs/decisions/0010).
   * @throws ApiError 404, 409 `CONFLICT` for a key that has ended or was rotated, 403 for scopes the caller lacks
   */
  async rotate(context: RequestContext, id: string, overlapHours: number): Promise<CreatedApiKeyView> {
    const { key: old } = await this.mine(context, id, null);
    this.assertWorking(old);
    if (old.replacedBy !== null) throw new ApiError('CONFLICT', 'The key was rotated before.');
    assertGrantable(old.scopes, context.principal.scopes);
    const nowMs = this.clock.nowMs();
    const { name, environment, scopes, allowedIps, ipMode, rateLimitPerMinute } = old;
    const terms = { name, environment, scopes, allowedIps, ipMode, rateLimitPerMinute };
    const { key, secret } = await this.make(context, { ...terms, expiresAt: renewedExpiry(old, nowMs) });
    const expiresAt = overlapEnd(old.expiresAt, overlapHours, nowMs);
    await this.keys.alter(context, old, { expiresAt, replacedBy: key.id });
    return { ...this.viewOf(key, UNUSED), key: secret };
  }

  /** Ends the key at once, on every instance; revoking it again changes nothing. @throws ApiError 404, 412 */
  async revoke(context: RequestContext, id: string, ifMatch: string | null): Promise<ApiKeyView> {
    const { key, lastUse } = await this.mine(context, id, ifMatch);
    if (key.revokedAt !== null) {
      context.work.noChange('the key is revoked already');
      return this.viewOf(key, lastUse);
    }
    return this.viewOf(await this.keys.alter(context, key, { revokedAt: this.clock.nowIso() }), lastUse);
  }

  private async make(context: RequestContext, terms: KeyTerms): Promise<{ key: ApiKey; secret: string }> {
    const { teamId, userId } = context.principal;
    if (terms.environment === 'test') await this.sandboxes.ensure(context);
    const { id: publicId, key: secret, prefix, lastFour } = generateApiKey(terms.environment);
    const secretHash = await this.cipher.fingerprint(teamId, 'api-key', secret);
    const key = await this.keys.add(context, {
      ...terms,
      publicId,
      secretHash,
      prefix,
      lastFour,
      createdBy: userId,
      revokedAt: null,
      replacedBy: null,
    });
    return { key, secret };
  }

  /** An agent's keys are their own; another's is as if it did not exist. */
  private async mine(
    context: RequestContext,
    id: string,
    ifMatch: string | null,
  ): Promise<{ key: ApiKey; lastUse: LastUse }> {
    const found = await this.keys.getWithUse(context, id);
    if (seesOnlyOwn(context) && found.key.createdBy !== context.principal.userId) throw notFound();
    assertIfMatch(ifMatch, found.key.version);
    return found;
  }

  private assertWorking(key: ApiKey): void {
    const status = statusOf(key, this.clock.nowMs());
    if (status === 'revoked' || status === 'expired') {
      throw new ApiError('CONFLICT', `The key is ${status}; an ended key stays ended. Make a new one.`);
    }
  }

  private viewOf(key: ApiKey, lastUse: LastUse): ApiKeyView {
    return {
      id: key.id,
      name: key.name,
      environment: key.environment,
      prefix: key.prefix,
      lastFour: key.lastFour,
      scopes: [...key.scopes],
      allowedIps: key.allowedIps,
      ipMode: key.ipMode,
      rateLimitPerMinute: key.rateLimitPerMinute,
      status: statusOf(key, this.clock.nowMs()),
      expiresAt: key.expiresAt,
      revokedAt: key.revokedAt,
      replacedBy: key.replacedBy,
      lastUsedAt: lastUse.lastUsedAt,
      lastUsedIp: lastUse.lastUsedIp,
      createdBy: key.createdBy,
      version: key.version,
      createdAt: key.createdAt,
      updatedAt: key.updatedAt,
    };
  }
}

function seesOnlyOwn(context: RequestContext): boolean {
  return recordLimit('api-keys:read', context.principal.role) === 'own';
}
