import { Controller, Delete, Get, Param, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { NotAudited, PlatformAdminsOnly, StepUp } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { PageDto } from '../../platform/http/page.dto.js';
import { IpBlockView } from './dto/ip-block.dto.js';
import { IpBlocks } from './ip-blocks.service.js';

@Controller('v1/ip-blocks')
export class IpBlocksController {
  constructor(private readonly blocks: IpBlocks) {}

  /** Addresses that are blocked right now, newest first. */
  @Get()
  @PlatformAdminsOnly('blocks concern the installation, not a team')
  @Paged(IpBlockView)
  list(@Query() query: PageDto): Promise<Page<IpBlockView>> {
    return this.blocks.list(query.limit, query.cursor);
  }

  /** Lets an address back in, on every instance. */
  @Delete(':id')
  @PlatformAdminsOnly('blocks concern the installation, not a team')
  @StepUp()
  @NotAudited('nothing of a team changes; the security event ip_unblocked names who did it')
  async release(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<IpBlockView> {
    const block = await this.blocks.release(context, id);
    context.work.noChange('the block has its own store');
    return block;
  }
}
