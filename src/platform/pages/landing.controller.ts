import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import { Public } from '../http/route-metadata.js';
import { LANDING_PAGE, LANDING_STYLE } from './landing-page.js';

@Controller()
export class LandingController {
  /** A page that leads to the documentation. */
  @Get()
  @Public('the front door')
  @Header('content-type', 'text/html; charset=utf-8')
  @ApiProduces('text/html')
  @ApiOkResponse({ description: 'A page.', schema: { type: 'string' } })
  page(): string {
    return LANDING_PAGE;
  }

  @Get('landing.css')
  @Public('style of the front door')
  @Header('content-type', 'text/css; charset=utf-8')
  @ApiExcludeEndpoint()
  style(): string {
    return LANDING_STYLE;
  }
}
