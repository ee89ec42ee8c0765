import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { Clock } from '../../platform/clock/clock.js';
import { type Config, ConfigError, loadConfig } from '../../platform/config/config.js';
import { Database } from '../../platform/database/database.js';
import { withOwner } from '../../platform/database/owner-connection.js';
import { AuditKeys } from './audit-keys.js';
import {
  AuditRetention,
  BrokenLogError,
  type RetentionOrder,
  UnforwardedLogError,
  UnsealedLogError,
} from './audit-retention.js';
import { AuditWriter } from './audit-writer.js';
import { HeadAnchor } from './head-anchor.js';
import { LogCheck } from './log-check.js';
import { SealedLog } from './sealed-log.js';

const USAGE = `npm run audit:retain -- [--dry-run] [--reason TEXT]
  Removes the months of the audit log that AUDIT_RETENTION_MONTHS does not keep, and leaves signed checkpoints.
  --dry-run  checks the logs and says what would go
  --reason   stays in the checkpoints; without it the setting is named
Ends with 0 when it is done, 1 when a log is not whole, sealed or forwarded, or another instance is at it, 2 for anything else.`;

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: { 'dry-run': { type: 'boolean', default: false }, reason: { type: 'string' } },
  });
  const config = loadConfig();
  const months = config.auditRetentionMonths;
  if (months === null) {
    console.log('AUDIT_RETENTION_MONTHS is not set: the whole audit log is kept.');
    return 0;
  }
  const reason = (values.reason ?? `AUDIT_RETENTION_MONTHS=${months}`).slice(0, 500);
  const afterForwarding = config.auditForwardUrl !== null;
  const by = `npm run audit:retain by ${userInfo().username}`;
  return withOwner(config, (ownerUrl) =>
    retain(config, ownerUrl, { months, dryRun: values['dry-run'], afterForwarding, by, reason }),
  );
}

async function retain(config: Config, ownerUrl: string, order: RetentionOrder): Promise<number> {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: 1 });
  try {
    const [keys, clock] = [new AuditKeys(config), new Clock()];
    const logs = new LogCheck(new SealedLog(new Database(pool)), keys, new HeadAnchor(config, keys, clock));
    const verb = order.dryRun ? 'would be removed' : 'removed';
    let months = 0;
    const retention = new AuditRetention(keys, logs, new AuditWriter(keys), clock);
    const done = await retention.run(ownerUrl, order, ({ month, teams, rows }) => {
      months++;
      console.log(`${month}: ${rows} rows of ${teams} teams ${verb}`);
    });
    if (!done) {
      console.error('Another instance is removing months of the audit log at the moment.');
      return 1;
    }
    if (months === 0) console.log(`There is nothing older than ${order.months} months.`);
    return 0;
  } finally {
    await pool.end();
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  const isUsage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') ?? false;
  const isRefused =
    error instanceof BrokenLogError ||
    error instanceof UnsealedLogError ||
    error instanceof UnforwardedLogError;
  const isSaid = isRefused || error instanceof ConfigError;
  console.error(isUsage ? USAGE : isSaid ? error.message : error);
  process.exitCode = isRefused ? 1 : 2;
}
