import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { ApiError } from '../../src/platform/http/api-error.js';
import { Public } from '../../src/platform/http/route-metadata.js';

@Controller('v1/patience')
class PatienceController {
  /** Never answers. */
  @Get()
  @Public('a throw-away route of a test')
  wait(): Promise<object> {
    return new Promise(() => {});
  }

  /** More than all buffers on the way hold. */
  @Get('large')
  @Public('a throw-away route of a test')
  large(): object {
    return { text: 'x'.repeat(30_000_000) };
  }

  /** Refuses after long enough for a client to have left. */
  @Get('refusal')
  @Public('a throw-away route of a test')
  async refuse(): Promise<object> {
    await sleep(200);
    throw new ApiError('FORBIDDEN', 'Not you.');
  }
}

/** Routes whose answers do not go out whole, or late. */
@Module({ controllers: [PatienceController] })
export class PatienceModule {}
