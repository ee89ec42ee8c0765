import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { newId } from '../../platform/crypto/new-id.js';
import { insufficientScope } from '../../identity/principals/scope.guard.js';
import type { Scope } from '../../identity/scopes/scope-catalogue.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { invalidField, notFound } from '../../platform/http/api-error.js';
import { Jobs } from '../../platform/jobs/jobs.service.js';
import { csvLines } from '../records/csv-text.js';
import type { ImportView } from './dto/import.view.js';
import { IMPORT_FIELDS } from './import-fields.js';
import { csvRows, rejoined } from './import-rows.js';
import { IMPORT_JOB } from './import-runner.js';
import {
  type ImportResource,
  ImportStore,
  type MatchField,
  type RejectedRow,
  type StoredImport,
} from './import-store.js';
import { ImportTargets } from './import-targets.js';
import type { ReceivedUpload } from './received-upload.js';

type Fields = Readonly<Record<string, string>>;

/** Takes files in and tells what became of them. */
@Injectable()
export class ImportsService {
  constructor(
    private readonly store: ImportStore,
    private readonly targets: ImportTargets,
    private readonly jobs: Jobs,
    private readonly clock: Clock,
  ) {}

  /** Stages an import of a file that was received. @throws ApiError 400 for fields of the form */
  start(context: RequestContext, resource: ImportResource, upload: ReceivedUpload): ImportView {
    const { teamId, userId, homeTeamId, apiKeyId } = context.principal;
    const options = this.optionsOf(resource, upload.fields);
    const { ipAddress, userAgent } = context;
    const progress = { total: null, processed: 0, imported: 0, updated: 0, duplicates: 0, failed: 0 };
    const state = { status: 'queued', reason: null, finishedAt: null } as const;
    const caller = { userId, homeTeamId, apiKeyId, ipAddress, userAgent };
    const { id, wrapped } = upload;
    const own = { teamId, id, resource, wrapped, createdAt: this.clock.nowIso() };
    const stored: StoredImport = { ...own, ...caller, ...options, ...progress, ...state };
    this.stage(context, stored);
    context.work.afterCommit(() => {
      upload.kept = true;
    });
    return viewOf(stored);
  }

  /** @throws ApiError 404; 403 for a resource that the caller may not read */
  async get(context: RequestContext, id: string): Promise<ImportView> {
    return viewOf(await this.find(context, id));
  }

  /** The rejected rows as CSV. @throws ApiError 404, also when the file was deleted after seven days; 403 without `pii`, since the file repeats the rows */
  async errors(context: RequestContext, id: string): Promise<Readable> {
    const stored = await this.find(context, id);
    if (stored.resource !== 'listings') expectScope(context, `${stored.resource}:pii`);
    const lines = this.errorLines(stored);
    const first = await lines.next();
    if (first.done) throw notFound();
    return Readable.from(rejoined(first.value, lines), { objectMode: false });
  }

  private async *errorLines(stored: StoredImport): AsyncGenerator<string> {
    for await (const headers of csvRows(this.bytes(stored))) {
      yield csvLines([['row', 'code', 'message', ...headers]]);
      break;
    }
    for await (const text of this.store.chunks(stored, 'errors')) {
      const rows = JSON.parse(text) as RejectedRow[];
      yield csvLines(rows.map(({ row, code, message, cells }) => [row, code, message, ...cells]));
    }
  }

  private async *bytes(stored: StoredImport): AsyncGenerator<Buffer> {
    for await (const text of this.store.chunks(stored, 'file')) yield Buffer.from(text, 'base64');
  }

  private async find(context: RequestContext, id: string): Promise<StoredImport> {
    const stored = await this.store.find(context.principal.teamId, id);
    if (stored === null) throw notFound();
    expectScope(context, `${stored.resource}:read`);
    return stored;
  }

  private optionsOf(
    resource: ImportResource,
    fields: Fields,
  ): Pick<StoredImport, 'dryRun' | 'matchOn' | 'mapping'> {
    const { dryRun = 'false', matchOn, mapping, ...unknown } = fields;
    for (const name of Object.keys(unknown)) throw invalidField(name, 'is not a known field');
    if (dryRun !== 'true' && dryRun !== 'false') throw invalidField('dryRun', 'is true or false');
    const allowed = this.targets.of(resource).matchFields;
    if (matchOn !== undefined && !allowed.includes(matchOn as MatchField))
      throw invalidField('matchOn', `is one of ${allowed.join(', ')}`);
    return {
      dryRun: dryRun === 'true',
      matchOn: (matchOn as MatchField | undefined) ?? null,
      mapping: mapping === undefined ? null : mappingOf(resource, mapping),
    };
  }

  private stage(context: RequestContext, stored: StoredImport): void {
    const { id, resource, dryRun, matchOn, mapping } = stored;
    const newValues = { resource, dryRun, matchOn, mapping };
    const change = { id: newId(), action: 'CREATE', resourceType: 'import', resourceId: id } as const;
    context.work.stage({
      statement: this.store.insert(stored),
      change: { ...change, oldValues: null, newValues, sealed: null },
    });
    const data = { teamId: stored.teamId, importId: id };
    context.work.stage({ statement: this.jobs.enqueue({ name: IMPORT_JOB, data }), change: null });
  }
}

function mappingOf(resource: ImportResource, text: string): Record<string, string> {
  const { kinds } = IMPORT_FIELDS[resource];
  let mapping: unknown;
  try {
    mapping = JSON.parse(text);
  } catch {
    throw invalidField('mapping', 'is a JSON object of column names and fields');
  }
  if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping))
    throw invalidField('mapping', 'is a JSON object of column names and fields');
  for (const field of Object.values(mapping)) {
    if (typeof field !== 'string' || !(field === '' || Object.hasOwn(kinds, field)))
      throw invalidField('mapping', `fields are ${Object.keys(kinds).join(', ')}, or empty to leave one out`);
  }
  return mapping as Record<string, string>;
}

function expectScope(context: RequestContext, scope: Scope): void {
  const { scopes } = context.principal;
  if (!scopes.has(scope)) throw insufficientScope(scope, scopes);
}

function viewOf(stored: StoredImport): ImportView {
  const { id, resource, status, dryRun, matchOn, total, processed } = stored;
  const { imported, updated, duplicates, failed, reason, createdAt, finishedAt } = stored;
  const counts = { total, processed, imported, updated, duplicates, failed };
  return { id, resource, status, dryRun, matchOn, ...counts, reason, createdAt, finishedAt };
}
