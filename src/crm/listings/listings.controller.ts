import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Page } from '../../platform/http/page.js';
import { Ctx, IfMatch } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Audited, RequireScope } from '../../platform/http/route-metadata.js';
import { Paged } from '../../platform/openapi/paged.js';
import { BulkDto } from '../records/bulk.dto.js';
import { BulkView } from '../records/bulk.view.js';
import { ArchivedView } from '../records/record.views.js';
import { ListingsService } from './listings.service.js';
import { ListingView } from './dto/listing.view.js';
import { CreateListingDto } from './dto/create-listing.dto.js';
import { ListListingsDto } from './dto/list-listings.dto.js';
import { UpdateListingDto } from './dto/update-listing.dto.js';

@Controller('v1/listings')
export class ListingsController {
  constructor(private readonly listings: ListingsService) {}

  /** Listings of the team, newest first. */
  @Get()
  @RequireScope('listings:read')
  @Paged(ListingView)
  list(@Ctx() context: RequestContext, @Query() query: ListListingsDto): Promise<Page<ListingView>> {
    return this.listings.list(context, query);
  }

  /** Adds a listing; 409 `DUPLICATE` when another has the same MLS number. */
  @Post()
  @RequireScope('listings:write')
  @Audited('listing')
  create(@Ctx() context: RequestContext, @Body() input: CreateListingDto): Promise<ListingView> {
    return this.listings.create(context, input);
  }

  /** Up to 500 creations, changes and archivings; all or nothing unless `atomic` is false. Archiving needs `listings:delete` as well. */
  @Post('bulk')
  @HttpCode(200)
  @RequireScope('listings:write')
  @Audited('listing')
  bulk(@Ctx() context: RequestContext, @Body() input: BulkDto): Promise<BulkView> {
    return this.listings.bulk(context, input);
  }

  @Get(':id')
  @RequireScope('listings:read')
  get(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<ListingView> {
    return this.listings.get(context, id);
  }

  /** Changes the fields that are sent. */
  @Patch(':id')
  @RequireScope('listings:write')
  @Audited('listing')
  update(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
    @Body() input: UpdateListingDto,
  ): Promise<ListingView> {
    return this.listings.update(context, id, ifMatch, input);
  }

  /** Archives a listing: gone from lists and look-ups until it is restored. */
  @Delete(':id')
  @RequireScope('listings:delete')
  @Audited('listing')
  archive(
    @Ctx() context: RequestContext,
    @Param('id', RecordId) id: string,
    @IfMatch() ifMatch: string | null,
  ): Promise<ArchivedView> {
    return this.listings.archive(context, id, ifMatch);
  }

  /** Brings an archived listing back. */
  @Post(':id/restore')
  @HttpCode(200)
  @RequireScope('listings:write')
  @Audited('listing')
  restore(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<ListingView> {
    return this.listings.restore(context, id);
  }
}
