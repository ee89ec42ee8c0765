import { Injectable } from '@nestjs/common';
import { ChangeRecorder, systemActor } from './change-recorder.js';
import { Database } from './database.js';
import { type StagedWrite, UnitOfWork } from './unit-of-work.js';

/** Changes of a team's records that nobody asked for at that moment: jobs and commands. */
@Injectable()
export class SystemWork {
  constructor(
    private readonly database: Database,
    private readonly recorder: ChangeRecorder,
  ) {}

  /**
   * Writes everything with its audit rows, whose actor is `system`, or nothing.
   * @param ranIn what did it, such as `job-forget-import-files`: stands where a request's id does
   * @throws StaleWriteError when another writer was faster
   */
  async write(teamId: string, ranIn: string, writes: readonly StagedWrite[]): Promise<void> {
    const unit = new UnitOfWork(this.database, this.recorder, () => systemActor(teamId, ranIn), {
      teamId,
      userId: null,
    });
    for (const write of writes) unit.stage(write);
    await unit.commit({ statusCode: 200, body: null });
  }
}
