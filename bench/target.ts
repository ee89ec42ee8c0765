/** One side of the comparison. */

/** What the load needs to know of a seeded team. */
export interface BaseTeam {
  teamId: string;
  /** An API key that may read, write and see personal data of clients; its own rate limit must be out of the way. */
  apiKey: string;
  /** In the order of `madeUpClient(0), madeUpClient(1), …`: the load derives each one's seeded status from its place. */
  clientIds: string[];
}

export interface Seeded {
  baseTeams: BaseTeam[];
}

export interface SeedSizes {
  teams: number;
  clientsPerTeam: number;
  leadsPerTeam: number;
  /** In all, spread over the teams. */
  apiKeys: number;
}

/** A started server. */
export interface Running {
  pid: number;
  port: number;
  stop(): Promise<void>;
}

export interface Target {
  name: string;
  /** Creates the database and fills it. Called once, before `start`. */
  prepare(sizes: SeedSizes): Promise<Seeded>;
  /** Starts the server, pinned to its core, and resolves when it answers. */
  start(): Promise<Running>;
  /** How many audit rows there are: every PATCH and POST must have left exactly one. */
  countAuditRows(): Promise<number>;
}

/** Thrown by `prepare` when a side cannot be measured yet; the run goes on without it and says so. */
export class NotMeasurableYet extends Error {}
