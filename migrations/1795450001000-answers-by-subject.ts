import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A stored answer holds a copy of what it shows, and erasing a person must find it. */
export class AnswersBySubject1795450001000 implements MigrationInterface {
  name = 'AnswersBySubject1795450001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE idempotency_keys ADD COLUMN subject_ids uuid[] NOT NULL DEFAULT '{}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE idempotency_keys DROP COLUMN subject_ids`);
  }
}
