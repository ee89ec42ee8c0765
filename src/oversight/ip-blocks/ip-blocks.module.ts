import { Global, Module } from '@nestjs/common';
import { HoneypotsController } from './honeypots.controller.js';
import { IpBlockStore } from './ip-block-store.js';
import { IpBlocksController } from './ip-blocks.controller.js';
import { IpBlocks } from './ip-blocks.service.js';
import { IpGate } from './ip-gate.service.js';

@Global()
@Module({
  controllers: [HoneypotsController, IpBlocksController],
  providers: [IpBlocks, IpBlockStore, IpGate],
  exports: [IpGate],
})
export class IpBlocksModule {}
