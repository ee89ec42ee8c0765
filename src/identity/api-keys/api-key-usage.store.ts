import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';

/** An hour of at least this many requests can be a spike; below it a median says nothing. */
const SPIKE_LEAST_REQUESTS = 100;
/** A spike is more than this many times the median of the hours in which the key was used within seven days. */
const SPIKE_FACTOR = 5;
/** Used hours that make a history. */
const SPIKE_LEAST_HISTORY_HOURS = 3;

/** What one key did since the last write. */
export interface KeyUse {
  readonly apiKeyId: string;
  readonly ownerTeamId: string;
  readonly userId: string;
  /** Requests by the start of the hour, in milliseconds. */
  readonly hours: ReadonlyMap<number, number>;
  readonly lastUsedAtMs: number;
  readonly lastUsedIp: string;
  /** Networks that may be new, each with an address in it. */
  readonly networks: ReadonlyMap<string, string>;
}

export interface UsageFindings {
  readonly spikes: readonly { readonly apiKeyId: string; readonly count: number; readonly usual: number }[];
  readonly newNetworks: readonly { readonly apiKeyId: string; readonly network: string }[];
}

/** Writes the use of keys, of any team at once, through functions that can do nothing else. */
@Injectable()
export class ApiKeyUsageStore {
  constructor(private readonly database: Database) {}

  /** One round trip and one transaction. */
  async write(uses: readonly KeyUse[], nowMs: number): Promise<UsageFindings> {
    const hours = uses.flatMap((use) => [...use.hours].map(([hourMs, count]) => ({ use, hourMs, count })));
    const networks = uses.flatMap((use) => [...use.networks.keys()].map((network) => ({ use, network })));
    const [, spikes, met] = await this.database.run([
      {
        name: 'key-usage:last-use',
        text: 'SELECT latchkey.note_key_use($1, $2, $3, $4)',
        values: [
          uses.map((use) => use.ownerTeamId),
          uses.map((use) => use.apiKeyId),
          uses.map((use) => isoOf(use.lastUsedAtMs)),
          uses.map((use) => use.lastUsedIp),
        ],
      },
      {
        name: 'key-usage:count',
        text: 'SELECT * FROM latchkey.count_key_use($1, $2, $3, $4, $5, $6, $7)',
        values: [
          hours.map(({ use }) => use.ownerTeamId),
          hours.map(({ use }) => use.apiKeyId),
          hours.map(({ hourMs }) => isoOf(hourMs)),
          hours.map(({ count }) => count),
          SPIKE_LEAST_REQUESTS,
          SPIKE_FACTOR,
          SPIKE_LEAST_HISTORY_HOURS,
        ],
      },
      {
        name: 'key-usage:networks',
        text: 'SELECT * FROM latchkey.meet_key_networks($1, $2, $3, $4)',
        values: [
          networks.map(({ use }) => use.ownerTeamId),
          networks.map(({ use }) => use.apiKeyId),
          networks.map(({ network }) => network),
          isoOf(nowMs),
        ],
      },
    ]);
    return {
      spikes: spikes.rows.map((row) => ({
        apiKeyId: row.api_key_id as string,
        count: row.requests as number,
        usual: row.usual as number,
      })),
      newNetworks: met.rows.map((row) => ({
        apiKeyId: row.api_key_id as string,
        network: row.network as string,
      })),
    };
  }
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
