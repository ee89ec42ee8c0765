/**
 * The floor: what Node and PostgreSQL can do on this machine when the work is written by hand and nothing else is done.
 * No framework, limits, logs or row level security. Never slow it down: it is what the product is measured against.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clientJson, rowJson } from './client-json.js';
import { Database, type Row } from './database.js';
import { Sealing, uuidV7 } from './sealing.js';
import { createClient, findApiKey, getClient, listClients, patchStatus } from './statements.js';

interface Caller {
  keyId: string;
  teamId: string;
  userId: string;
}

const PATH = '/v1/clients';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const STATUSES = new Set(['active', 'inactive']);
const TYPES = new Set(['buyer', 'seller', 'investor', 'renter']);
const PERSONAL = ['firstName', 'lastName', 'email', 'phone', 'address', 'notes'] as const;

const sealing = new Sealing(Buffer.from(process.env.FLOOR_MASTER_KEY ?? '', 'hex'));
const databaseUrl = process.env.DATABASE_URL ?? '';
const database = await Database.connect(databaseUrl);
const callers = new Map<string, Caller>();

function reply(res: ServerResponse, status: number, body: string): void {
  res.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}

function refuse(res: ServerResponse, status: number, code: string): void {
  reply(res, status, `{"success":false,"error":{"code":"${code}"}}`);
}

function broken(res: ServerResponse, error: Error): void {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  refuse(res, 500, 'INTERNAL');
}

function authenticate(req: IncomingMessage, res: ServerResponse, next: (caller: Caller) => void): void {
  const presented = req.headers['x-api-key'];
  if (typeof presented !== 'string') return refuse(res, 401, 'UNAUTHENTICATED');
  const hash = sealing.hashApiKey(presented);
  const known = callers.get(hash);
  if (known) return next(known);
  database.run(findApiKey, [hash], (error, rows) => {
    if (error) return broken(res, error);
    if (rows.length === 0) return refuse(res, 401, 'UNAUTHENTICATED');
    const [keyId, teamId, userId] = rows[0] as string[];
    const caller = { keyId, teamId, userId };
    callers.set(hash, caller);
    next(caller);
  });
}

function readJson(
  req: IncomingMessage,
  res: ServerResponse,
  next: (body: Record<string, unknown>) => void,
): void {
  let text = '';
  req.setEncoding('utf8');
  req.on('data', (chunk: string) => (text += chunk));
  req.on('end', () => {
    let body: Record<string, unknown>;
    try {
      body = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return refuse(res, 400, 'MALFORMED_JSON');
    }
    next(body);
  });
}

function get(caller: Caller, id: string, res: ServerResponse): void {
  database.run(getClient, [caller.teamId, id], (error, rows) => {
    if (error) return broken(res, error);
    if (rows.length === 0) return refuse(res, 404, 'NOT_FOUND');
    reply(res, 200, `{"success":true,"data":${rowJson(sealing, caller.teamId, rows[0])}}`);
  });
}

function list(caller: Caller, query: string, res: ServerResponse): void {
  const parameters = new URLSearchParams(query);
  const status = parameters.get('status') ?? '';
  const limit = Number(parameters.get('limit') ?? 50);
  const cursor = parameters.get('cursor');
  if (!STATUSES.has(status) || !(limit >= 1 && limit <= 100)) return refuse(res, 400, 'VALIDATION_FAILED');
  const before = cursor === null ? LAST_ID : Buffer.from(cursor, 'base64url').toString('latin1');
  database.run(listClients, [caller.teamId, status, before, limit + 1], (error, rows) => {
    if (error) return broken(res, error);
    replyWithPage(res, caller.teamId, rows, limit);
  });
}

function replyWithPage(res: ServerResponse, teamId: string, rows: Row[], limit: number): void {
  const count = Math.min(rows.length, limit);
  let items = '';
  for (let i = 0; i < count; i++) {
    items += (i === 0 ? '' : ',') + rowJson(sealing, teamId, rows[i]);
  }
  const lastId = rows.length > limit ? (rows[count - 1][0] as string) : null;
  const nextCursor = lastId === null ? 'null' : `"${Buffer.from(lastId, 'latin1').toString('base64url')}"`;
  reply(res, 200, `{"success":true,"data":[${items}],"meta":{"nextCursor":${nextCursor},"limit":${limit}}}`);
}

/** Address, user agent and request id: the tail of every audit row. */
function origin(req: IncomingMessage): string[] {
  return [req.socket.remoteAddress ?? '', req.headers['user-agent'] ?? '', randomUUID()];
}

function patch(caller: Caller, id: string, req: IncomingMessage, res: ServerResponse): void {
  readJson(req, res, ({ status }) => {
    if (typeof status !== 'string' || !STATUSES.has(status)) return refuse(res, 400, 'VALIDATION_FAILED');
    const values = [caller.teamId, id, status, uuidV7(), caller.userId, caller.keyId, ...origin(req)];
    database.run(patchStatus, values, (error, rows) => {
      if (error) return broken(res, error);
      if (rows.length === 0) return refuse(res, 404, 'NOT_FOUND');
      reply(res, 200, `{"success":true,"data":${rowJson(sealing, caller.teamId, rows[0])}}`);
    });
  });
}

function post(caller: Caller, req: IncomingMessage, res: ServerResponse): void {
  readJson(req, res, (body) => {
    const { type, tags = [] } = body;
    const status = 'active';
    const valid = typeof type === 'string' && TYPES.has(type) && Array.isArray(tags);
    if (!valid || !PERSONAL.every((field) => body[field] === undefined || typeof body[field] === 'string')) {
      return refuse(res, 400, 'VALIDATION_FAILED');
    }
    const { teamId, userId, keyId } = caller;
    const id = uuidV7();
    const auditId = uuidV7();
    const personal = JSON.stringify(
      Object.fromEntries(PERSONAL.map((field) => [field, body[field] ?? null])),
    );
    const row = sealing.sealRow(teamId, id, personal);
    const audited = sealing.sealAudit(row.openKey, teamId, auditId, personal);
    const tagsJson = JSON.stringify(tags);
    const plain = `{"type":"${type}","status":"${status}","tags":${tagsJson}}`;
    const tokens = sealing.tokens(teamId, body);
    const values = [teamId, id, type, status, null, tagsJson, row.dataKey, row.sealed];
    database.run(
      createClient,
      [...values, auditId, userId, keyId, plain, audited, ...origin(req), tokens, tokens[0], tokens[1]],
      (error, rows) => {
        if (error) return broken(res, error);
        if (rows.length === 0) return refuse(res, 409, 'DUPLICATE');
        const at = rows[0][0] as string;
        reply(
          res,
          201,
          `{"success":true,"data":${clientJson(id, personal, type, status, null, tagsJson, at, at)}}`,
        );
      },
    );
  });
}

function handle(req: IncomingMessage, res: ServerResponse): void {
  const url = req.url ?? '';
  if (!url.startsWith(PATH)) return refuse(res, 404, 'NOT_FOUND');
  authenticate(req, res, (caller) => {
    const rest = url.slice(PATH.length);
    if (rest.startsWith('/')) {
      if (req.method === 'GET') return get(caller, rest.slice(1), res);
      if (req.method === 'PATCH') return patch(caller, rest.slice(1), req, res);
    } else if (req.method === 'GET') {
      return list(caller, rest.slice(1), res);
    } else if (req.method === 'POST') {
      return post(caller, req, res);
    }
    refuse(res, 404, 'NOT_FOUND');
  });
}

const server = createServer({ keepAliveTimeout: 60_000 }, handle);
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
process.on('SIGTERM', () => {
  server.closeAllConnections();
  server.close(() => void database.end());
});
