import { NotMeasurableYet, type Seeded, type SeedSizes } from '../target.js';

export interface ProductSeedOptions extends SeedSizes {
  /** The owner of the tables, already migrated. */
  migrationUrl: string;
  /** The environment the server will be started with: the seed must seal with the same keys. */
  env: NodeJS.ProcessEnv;
}

/**
 * To be filled in once the product has clients and keys. It must:
 * - write `madeUpClient(index)` with `seededStatus(index)` for index 0…clientsPerTeam-1 of each team, sealed through the
 *   product's own exported functions, and return the ids in that order;
 * - return for each team one key with `clients:read`, `clients:write` and `clients:pii` and a limit out of the load's reach
 *   (the limiter itself stays on), plus the remaining `apiKeys` as ballast;
 * - end with VACUUM ANALYZE and CHECKPOINT, as the floor's seed does.
 */
export async function seedProduct(_options: ProductSeedOptions): Promise<Seeded> {
  throw new NotMeasurableYet('bench/product/seed.ts is not written yet');
}
