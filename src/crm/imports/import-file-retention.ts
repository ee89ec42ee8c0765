import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { Clock } from '../../platform/clock/clock.js';
import { SystemWork } from '../../platform/database/system-work.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { ImportStore } from './import-store.js';

const JOB = 'forget-import-files';
const EVERY_SECONDS = 3600;
const KEPT_DAYS = 7;
const DAY_MS = 86_400_000;
const IMPORTS_PER_STEP = 100;

/** Deletes uploaded files and rejected rows after a week; the counts stay, and each team's log says what went. */
@Injectable()
export class ImportFileRetention {
  constructor(
    private readonly store: ImportStore,
    private readonly work: SystemWork,
    private readonly clock: Clock,
    jobs: Jobs,
  ) {
    jobs.every(JOB, EVERY_SECONDS, () => this.run());
  }

  async run(): Promise<void> {
    const before = new Date(this.clock.nowMs() - KEPT_DAYS * DAY_MS).toISOString();
    for (;;) {
      const old = await this.store.withOldFiles(before, IMPORTS_PER_STEP);
      for (const { teamId, importId } of old) await this.forget(teamId, importId, before);
      if (old.length < IMPORTS_PER_STEP) return;
    }
  }

  private forget(teamId: string, importId: string, before: string): Promise<void> {
    const change = {
      id: newId(),
      action: 'DELETE',
      resourceType: 'import_file',
      resourceId: importId,
      oldValues: { uploadedBefore: before },
      newValues: null,
      sealed: null,
    } as const;
    const statement = this.store.forgetFiles(teamId, importId, before);
    return this.work.write(teamId, `job-${JOB}`, [{ statement, change }]);
  }
}
