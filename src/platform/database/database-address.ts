import type { Config } from '../config/config.js';

export interface ConnectionOptions {
  readonly connectionString: string;
  /** Start-up options of the session. */
  readonly options?: string;
}

/**
 * Where the databases are. `appOptions` puts a connection of a stronger role into the application's own
 * (outside production, when one URL serves both).
 */
export class DatabaseAddress {
  constructor(
    readonly appUrl: string,
    readonly ownerUrl: string,
    private readonly appOptions: string | null,
  ) {}

  app(): ConnectionOptions {
    return { connectionString: this.appUrl, ...(this.appOptions ? { options: this.appOptions } : {}) };
  }

  /** Past any pooler, for LISTEN. */
  direct(config: Config): ConnectionOptions {
    return {
      ...this.app(),
      ...(config.databaseDirectUrl ? { connectionString: config.databaseDirectUrl } : {}),
    };
  }
}
