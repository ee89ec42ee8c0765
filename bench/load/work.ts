import { FIRST_CREATED_NUMBER, madeUpClient, seededStatus, type ClientStatus } from '../people.js';
import type { BaseTeam } from '../target.js';
import type { Connection, Response } from './connection.js';

export const WORKS = ['get', 'list', 'patch', 'post'] as const;
export type Work = (typeof WORKS)[number];

export const PAGE = 50;
/** Cursors kept per team: deep enough to leave the first pages, few enough to collect in a second. */
const CURSORS_PER_TEAM = 200;

interface TeamState extends BaseTeam {
  statuses: ClientStatus[];
  cursors: string[];
  created: number;
}

export interface Request {
  bytes: string;
  expectedStatus: number;
}

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)];
const other = (status: ClientStatus): ClientStatus => (status === 'active' ? 'inactive' : 'active');

/** Builds requests and remembers what they changed, so every PATCH changes something and every POST is new. */
export class Workload {
  private readonly teams: TeamState[];

  constructor(
    baseTeams: BaseTeam[],
    private readonly connections: number,
  ) {
    this.teams = baseTeams.map((team) => ({
      ...team,
      statuses: team.clientIds.map((_, index) => seededStatus(index)),
      cursors: [''],
      created: FIRST_CREATED_NUMBER,
    }));
  }

  /** @param slot the connection's number: clients are divided among connections, so no two change one at the same time */
  next(work: Work, slot: number): Request {
    const team = pick(this.teams);
    switch (work) {
      case 'get':
        return { bytes: head('GET', `/v1/clients/${pick(team.clientIds)}`, team, ''), expectedStatus: 200 };
      case 'list':
        return { bytes: head('GET', listPath(pick(team.cursors)), team, ''), expectedStatus: 200 };
      case 'patch':
        return this.patch(team, slot);
      case 'post':
        return withBody('POST', '/v1/clients', team, JSON.stringify(madeUpClient(team.created++)), 201);
    }
  }

  /** Follows the list once per team. Cursors are opaque, so the only honest way to have some is to be given them. */
  async collectCursors(connection: Connection): Promise<void> {
    for (const team of this.teams) {
      let cursor: string | null = '';
      team.cursors = [];
      while (cursor !== null && team.cursors.length < CURSORS_PER_TEAM) {
        team.cursors.push(cursor);
        const response = await connection.send(head('GET', listPath(cursor), team, ''));
        cursor = parse<unknown[]>(response).meta?.nextCursor ?? null;
      }
      // The load changes statuses, so pages near the end would come back short; leave them out: all lists do the same work.
      team.cursors.length = Math.ceil(team.cursors.length * 0.9);
    }
  }

  private patch(team: TeamState, slot: number): Request {
    const mine = Math.floor((team.clientIds.length - slot + this.connections - 1) / this.connections);
    const index = slot + Math.floor(Math.random() * mine) * this.connections;
    const status = other(team.statuses[index]);
    team.statuses[index] = status;
    return withBody('PATCH', `/v1/clients/${team.clientIds[index]}`, team, `{"status":"${status}"}`, 200);
  }
}

function listPath(cursor: string): string {
  return `/v1/clients?status=active&limit=${PAGE}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
}

function head(method: string, path: string, team: BaseTeam, rest: string): string {
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${team.apiKey}\r\nUser-Agent: latchkey-bench\r\n${rest}\r\n`;
}

function withBody(
  method: string,
  path: string,
  team: BaseTeam,
  body: string,
  expectedStatus: number,
): Request {
  const rest = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return { bytes: head(method, path, team, rest) + body, expectedStatus };
}

interface Envelope<T> {
  success: boolean;
  data: T;
  meta?: { nextCursor: string | null };
}

function parse<T>({ status, body }: Response): Envelope<T> {
  if (status < 200 || status > 299) throw new Error(`${status} instead of 2xx: ${body.toString()}`);
  return JSON.parse(body.toString()) as Envelope<T>;
}

/** Looks closely at one answer, before anything is timed: a server that is fast because it answers nonsense must not count. */
export function checkAnswer(work: Work, response: Response): void {
  const { success, data } = parse<Record<string, unknown> | Record<string, unknown>[]>(response);
  const clients = Array.isArray(data) ? data : [data];
  const whole = clients.every(
    (client) =>
      typeof client.id === 'string' &&
      String(client.email).endsWith('@example.com') &&
      client.notes !== undefined,
  );
  if (!success || !whole || clients.length !== (work === 'list' ? PAGE : 1)) {
    throw new Error(`${work}: unexpected answer: ${response.body.toString().slice(0, 500)}`);
  }
}
