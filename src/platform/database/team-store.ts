import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../clock/clock.js';
import { SubjectCipher } from '../crypto/subject-cipher.js';
import { CursorSigner } from '../http/cursor.js';
import { Database } from './database.js';

/** What every team repository works with. */
@Injectable()
export class TeamStore {
  constructor(
    readonly source: DataSource,
    readonly database: Database,
    readonly cipher: SubjectCipher,
    readonly cursors: CursorSigner,
    readonly clock: Clock,
  ) {}
}
