import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { Config } from '../config/config.js';
import { MasterKeys } from '../crypto/master-keys.js';
import { CursorSigner } from '../http/cursor.js';
import { Log } from '../logging/log.js';
import { Tracing } from '../tracing/tracing.js';
import { Database } from './database.js';
import { DatabaseAddress } from './database-address.js';
import { Invalidations } from './invalidations.js';
import { poolOptions } from './pool-options.js';
import { TeamStore } from './team-store.js';

interface PostgresDriverParts {
  readonly master: pg.Pool;
}

/** The application's connections: TypeORM owns the pool, the statements of {@link Database} run on it. */
@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@InjectDataSource() private readonly source: DataSource) {}

  static forRoot(address: DatabaseAddress): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [Config, Log],
          useFactory: (config: Config, log: Log) => ({
            type: 'postgres' as const,
            driver: pg,
            url: address.appUrl,
            autoLoadEntities: true,
            synchronize: false,
            logging: false,
            retryAttempts: 1,
            poolErrorHandler: (error: Error) => log.error({ err: error }, 'a database connection broke'),
            extra: { ...address.app(), ...poolOptions(config) },
          }),
        }),
      ],
      providers: [
        { provide: DatabaseAddress, useValue: address },
        {
          provide: Database,
          inject: [DataSource, Tracing],
          useFactory: (source: DataSource, { spans }: Tracing) =>
            new Database((source.driver as unknown as PostgresDriverParts).master, spans),
        },
        {
          provide: CursorSigner,
          inject: [MasterKeys],
          useFactory: (keys: MasterKeys) => new CursorSigner(keys.installationKeys('cursors')),
        },
        Invalidations,
        TeamStore,
      ],
      exports: [DatabaseAddress, Database, CursorSigner, Invalidations, TeamStore, TypeOrmModule],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy();
  }
}
