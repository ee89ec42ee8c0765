import { createApp } from './app.js';
import { createDemo } from './demo/demo-team.js';
import { printBanner } from './demo/start-banner.js';
import type { Config } from './platform/config/config.js';
import { openDatabase } from './platform/database/open-database.js';
import { drain, SHUTDOWN_LIMIT_MS } from './platform/health/drain.js';
import { Log } from './platform/logging/log.js';
import { releaseStartUpMemory } from './platform/health/start-up-memory.js';

/** A load balancer that looks every second has seen `/readyz` by then. Ctrl-C does not wait. */
const DRAIN_NOTICE_MS = 1500;

/** A failure that the operator can mend; its message says how. */
export class StartError extends Error {
  readonly foreseen = true;
}

/** Database, migrations, application, listening, demo team; ends with SIGINT or SIGTERM, leaving nothing running. */
export async function startProcess(config: Config): Promise<void> {
  const log = new Log(config.logLevel, undefined, config.logDir);
  const database = await openDatabase(config, (line) => log.info({}, line));
  let close: (noticeMs: number) => Promise<void> = () => database.stop();
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'shutting down');
    setTimeout(() => {
      log.flush();
      process.exit(1);
    }, SHUTDOWN_LIMIT_MS).unref();
    void close(signal === 'SIGTERM' ? DRAIN_NOTICE_MS : 0).finally(() => {
      log.flush();
      process.exit(0);
    });
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const app = await createApp({ config, address: database.address, log });
    close = async (noticeMs) => {
      await drain(app, noticeMs);
      await database.stop();
    };
    await releaseStartUpMemory(log);
    await listen(app, config);
    const url = await app.getUrl();
    log.info({ url }, 'listening');
    const demo = config.isProduction ? null : await createDemo(app, config, url);
    printBanner({ config, url, demo, databaseLabel: database.label });
  } catch (error) {
    await close(0).catch(() => undefined);
    throw error;
  }
}

async function listen(app: Awaited<ReturnType<typeof createApp>>, config: Config): Promise<void> {
  try {
    await app.listen(config.port, config.host);
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === 'EADDRINUSE') {
      throw new StartError(
        `Port ${config.port} on ${config.host} is taken by another program. Stop it, or choose another port: PORT=3001 npm start`,
      );
    }
    if (code === 'EACCES')
      throw new StartError(
        `Port ${config.port} needs more rights than this user has; choose one above 1023.`,
      );
    throw error;
  }
}
