import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/database/database.js';
import type { SessionKey } from './session-store.js';

const MAX_LISTED = 100;

/** A session as its person sees it. */
export interface LiveSession {
  readonly id: string;
  readonly userAgent: string | null;
  readonly ipAddress: string | null;
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly expiresAt: string;
}

/** Where a person is signed in, by network. */
export interface SessionNetworks {
  readonly current: string | null;
  readonly live: readonly string[];
  readonly seen: readonly string[];
}

/** What is shown and judged of sessions; changes nothing. */
@Injectable()
export class SessionReader {
  constructor(private readonly database: Database) {}

  /** The live sessions of a person in this team, last used first. */
  async list(teamId: string, userId: string): Promise<readonly LiveSession[]> {
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'session:list',
        text: `SELECT id, user_agent, ip_address, created_at, last_used_at, least(idle_expires_at, expires_at) AS expires_at
          FROM sessions WHERE team_id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > now() AND idle_expires_at > now()
          ORDER BY last_used_at DESC, id DESC LIMIT ${MAX_LISTED}`,
        values: [teamId, userId],
      },
    ]);
    return (result?.rows ?? []).map((row) => ({
      id: row.id as string,
      userAgent: row.user_agent as string | null,
      ipAddress: row.ip_address as string | null,
      createdAt: row.created_at as string,
      lastUsedAt: row.last_used_at as string,
      expiresAt: row.expires_at as string,
    }));
  }

  /** Whether this session of this person is live. */
  async isLive({ teamId, sessionId }: SessionKey, userId: string): Promise<boolean> {
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'session:is-live',
        text: `SELECT FROM sessions WHERE team_id = $1 AND id = $2 AND user_id = $3
          AND revoked_at IS NULL AND expires_at > now() AND idle_expires_at > now()`,
        values: [teamId, sessionId, userId],
      },
    ]);
    return (result?.rowCount ?? 0) > 0;
  }

  /** The networks (/24, IPv6 /48) of the person's sessions: of this address, and of the others used within the hour, and of all others. */
  async networks(
    { teamId, userId, sessionId }: SessionKey & { userId: string },
    ipAddress: string,
  ): Promise<SessionNetworks> {
    const network = `host(network(set_masklen(a.ip, CASE family(a.ip) WHEN 4 THEN 24 ELSE 48 END)))`;
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'session:networks',
        text: `SELECT DISTINCT ${network} AS network, a.kind FROM (
            SELECT $3::inet AS ip, 'current' AS kind
            UNION ALL SELECT ip_address, 'seen' FROM sessions WHERE team_id = $1 AND user_id = $2 AND id <> $4
            UNION ALL SELECT ip_address, 'live' FROM sessions WHERE team_id = $1 AND user_id = $2 AND id <> $4
              AND revoked_at IS NULL AND last_used_at > now() - interval '1 hour'
          ) a WHERE a.ip IS NOT NULL LIMIT 200`,
        values: [teamId, userId, ipAddress, sessionId],
      },
    ]);
    const of = (kind: string): string[] =>
      (result?.rows ?? []).flatMap((row) => (row.kind === kind ? [row.network as string] : []));
    return { current: of('current')[0] ?? null, live: of('live'), seen: of('seen') };
  }
}
