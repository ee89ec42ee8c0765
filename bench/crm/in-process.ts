import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from '../../src/app.js';
import { loadConfig } from '../../src/platform/config/config.js';
import { openDatabase } from '../../src/platform/database/open-database.js';
import { Log } from '../../src/platform/logging/log.js';

/** The product within this process, where its statements can be watched. */
export interface OpenProduct {
  readonly app: NestFastifyApplication;
  readonly port: number;
  close(): Promise<void>;
}

/** Migrates and starts the product as `main.ts` does, on a port of its own; it logs errors only, and runs no jobs. */
export async function openProduct(env: NodeJS.ProcessEnv): Promise<OpenProduct> {
  const config = loadConfig({ ...env, ROLE: 'api' }, env.DATA_DIR);
  const { address } = await openDatabase(config, () => undefined);
  const app = await createApp({ config, address, log: new Log('error', process.stderr, null) });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  return { app, port, close: () => app.close() };
}
