import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The people who run the installation. Only the owner of the schema may write here (`npm run platform:grant`):
 * nothing that reaches the application can make itself one.
 */
export class PlatformAdmins1795400002000 implements MigrationInterface {
  name = 'PlatformAdmins1795400002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE platform_admins (
        user_id uuid PRIMARY KEY REFERENCES users (id),
        granted_at timestamptz(3) NOT NULL DEFAULT now()
      );
      GRANT SELECT ON platform_admins TO latchkey_app;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE platform_admins`);
  }
}
