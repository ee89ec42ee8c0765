import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { SecretAnswer } from '../../platform/http/idempotency/idempotency-metadata.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx, IfMatch } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Audited, RequireScope, StepUp, UsersOnly } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { ApiKeysService } from './api-keys.service.js';
import { ApiKeyView, CreatedApiKeyView } from './dto/api-key.views.js';
import { CreateApiKeyDto } from './dto/create-api-key.dto.js';
import { PageDto } from '../../platform/http/page.dto.js';
import { RotateApiKeyDto } from './dto/rotate-api-key.dto.js';
import { UpdateApiKeyDto } from './dto/update-api-key.dto.js';

@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  /** The team's keys, newest first; an agent sees their own. */
  @Get()
  @RequireScope('api-keys:read')
  @UsersOnly()
  @Paged(ApiKeyView)
  list(@Ctx() context: RequestContext, @Query() query: PageDto): Promise<Page<ApiKeyView>> {
    return this.keys.list(context, query);
  }

  /** Makes a key. The answer is the only place where the key itself stands. */
  @Post()
  @RequireScope('api-keys:write')
  @StepUp('everyone')
  @Audited('api_key')
  @SecretAnswer()
  create(@Ctx() context: RequestContext, @Body() input: CreateApiKeyDto): Promise<CreatedApiKeyView> {
    return this.keys.create(context, input);
  }

  /** One key, without the key itself. */
  @Get(':id')
  @RequireScope('api-keys:read')
  @UsersOnly()
  get(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<ApiKeyView> {
    return this.keys.get(context, id);
  }

  /** Changes name, scopes, addresses, limit or expiry; in force within a second on every instance. */
  @Patch(':id')
  @RequireScope('api-keys:write')
  @UsersOnly()
  @Audited('api_key')
  update(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
    @Body() input: UpdateApiKeyDto,
  ): Promise<ApiKeyView> {
    return this.keys.update(context, id, ifMatch, input);
  }

  /** Makes a new key with the same terms, yours from now on; the old one works until the overlap ends. */
  @Post(':id/rotate')
  @RequireScope('api-keys:write')
  @StepUp('everyone')
  @Audited('api_key')
  @SecretAnswer()
  rotate(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @Body() input: RotateApiKeyDto,
  ): Promise<CreatedApiKeyView> {
    return this.keys.rotate(context, id, input.overlapHours);
  }

  /** Ends the key at once, everywhere. */
  @Delete(':id')
  @RequireScope('api-keys:write')
  @UsersOnly()
  @Audited('api_key')
  revoke(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
  ): Promise<ApiKeyView> {
    return this.keys.revoke(context, id, ifMatch);
  }
}
