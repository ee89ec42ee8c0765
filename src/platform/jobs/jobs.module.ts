import { Global, Module } from '@nestjs/common';
import { JobStore } from './job-store.js';
import { JobWorker } from './job-worker.js';
import { Jobs } from './jobs.service.js';
import { PayloadSealer } from './sealed-payload.js';

@Global()
@Module({ providers: [PayloadSealer, JobStore, JobWorker, Jobs], exports: [Jobs] })
export class JobsModule {}
