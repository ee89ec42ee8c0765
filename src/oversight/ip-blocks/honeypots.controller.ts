import { Controller, Get } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '../../platform/http/route-metadata.js';

/** Looks like a careless administration page. {@link IpGate} has recorded the visit before this answers. */
@ApiExcludeController()
@Controller('v1/admin')
export class HoneypotsController {
  @Get('users')
  @Public('a honeypot: nobody who belongs here asks for it')
  users(): never[] {
    return [];
  }
}
