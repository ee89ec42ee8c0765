import { Controller, Get, Query, StreamableFile } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx } from '../../platform/http/parameters.js';
import { Paged } from '../../platform/openapi/paged.js';
import { RequireScope } from '../../platform/http/route-metadata.js';
import { AuditExport } from './audit-export.js';
import { AuditKeys } from './audit-keys.js';
import { AuditReader } from './audit-reader.js';
import { AuditVerifier } from './audit-verifier.js';
import { AuditQueryDto } from './dto/audit-query.dto.js';
import type { SigningKey } from './signing-key.js';
import { AuditExportDto } from './dto/audit-export.dto.js';
import { AuditRowView } from './dto/audit-row.view.js';
import { type EarlierKeyView, PublicKeyView, VerificationView } from './dto/verification.view.js';

@Controller('v1/audit-log')
export class AuditController {
  constructor(
    private readonly audit: AuditReader,
    private readonly verifier: AuditVerifier,
    private readonly keys: AuditKeys,
    private readonly exports: AuditExport,
  ) {}

  /** Who changed what, newest first. */
  @Get()
  @RequireScope('audit:read')
  @Paged(AuditRowView)
  list(@Ctx() context: RequestContext, @Query() query: AuditQueryDto): Promise<Page<AuditRowView>> {
    return this.audit.list(context, query);
  }

  /** Checks every row of the log against its seal, and every seal against its signature. */
  @Get('verify')
  @RequireScope('audit:read')
  verify(@Ctx() context: RequestContext): Promise<VerificationView> {
    return this.verifier.verify(context);
  }

  /** The key that seals are signed with, and those before it; keep a copy outside. */
  @Get('public-key')
  @RequireScope('audit:read')
  publicKey(): PublicKeyView {
    return { ...shown(this.keys.current), earlier: this.keys.earlier.map(shown) };
  }

  /**
   * The whole log in the order in which it was sealed. NDJSON carries what `npm run audit:verify` needs to check
   * it elsewhere. Personal data is masked for everybody.
   */
  @Get('export')
  @RequireScope('audit:read')
  @ApiOkResponse({
    description: 'One JSON object a line: batches, each followed by its rows; or CSV.',
    content: {
      'application/x-ndjson': { schema: { type: 'string' } },
      'text/csv': { schema: { type: 'string' } },
    },
  })
  export(@Ctx() context: RequestContext, @Query() query: AuditExportDto): StreamableFile {
    const { lines, type, name } = this.exports.open(context, query.format);
    return new StreamableFile(lines, { type, disposition: `attachment; filename="${name}"` });
  }
}

function shown({ keyId, publicKeyPem }: SigningKey): EarlierKeyView {
  return { keyId, algorithm: 'Ed25519', publicKey: publicKeyPem };
}
