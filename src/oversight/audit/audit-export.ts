import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Row } from '../../platform/database/statement.js';
import { SecurityEvents } from '../security-events/security-events.service.js';
import { AuditKeys } from './audit-keys.js';
import type { ExportFormat } from './dto/audit-export.dto.js';
import {
  CSV_HEAD,
  csvLine,
  endText,
  EXPORT_VERSION,
  type ExportLine,
  type ExportRow,
  rowLine,
} from './export-lines.js';
import { PersonalValues } from './personal-values.js';
import { headerOf, type SealHeader } from './seal.js';
import { SealedLog } from './sealed-log.js';
import type { StoredRow } from './stored-row.js';

const PENDING_PAGE = 500;

export interface OpenExport {
  readonly lines: Readable;
  readonly type: string;
  readonly name: string;
}

/** Writes a team's log as a file, a batch at a time and only as fast as the client reads. */
@Injectable()
export class AuditExport {
  constructor(
    private readonly log: SealedLog,
    private readonly personal: PersonalValues,
    private readonly keys: AuditKeys,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
  ) {}

  open(context: RequestContext, format: ExportFormat): OpenExport {
    const { teamId, userId, apiKeyId } = context.principal;
    this.events.record({
      type: 'sensitive_data_access',
      teamId,
      userId,
      apiKeyId,
      ipAddress: context.ipAddress,
      userAgent: context.userAgent,
      requestId: context.requestId,
      details: { resourceType: 'audit_log' },
    });
    const chunks = format === 'csv' ? this.csv(teamId) : this.ndjson(teamId);
    return {
      lines: Readable.from(chunks, { objectMode: false }),
      type: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
      name: `audit-log-${this.clock.nowIso().slice(0, 10)}.${format}`,
    };
  }

  private async *csv(teamId: string): AsyncGenerator<string> {
    yield CSV_HEAD;
    for await (const lines of this.parts(teamId)) {
      yield lines.map((line) => (line.kind === 'row' ? csvLine(line) : '')).join('');
    }
  }

  private async *ndjson(teamId: string): AsyncGenerator<string> {
    const hash = createHash('sha256');
    let rows = 0;
    let head: SealHeader | null = null;
    const start: ExportLine = {
      kind: 'export',
      version: EXPORT_VERSION,
      teamId,
      exportedAt: this.clock.nowIso(),
      keyId: this.keys.keyId,
      publicKey: this.keys.current.publicKeyPem,
      earlierKeys: this.keys.earlier.map(({ publicKeyPem }) => publicKeyPem),
    };
    const first = `${JSON.stringify(start)}\n`;
    hash.update(first);
    yield first;
    for await (const lines of this.parts(teamId)) {
      for (const line of lines) {
        if (line.kind === 'row') rows++;
        if (line.kind === 'seal') head = headerOf(line);
      }
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
      hash.update(text);
      yield text;
    }
    const sha256 = hash.digest('hex');
    const signature = this.keys.sign(endText(teamId, rows, sha256));
    yield `${JSON.stringify({ kind: 'end', rows, head, sha256, signature } satisfies ExportLine)}\n`;
  }

  /** Checkpoints; batches in order, each followed by its rows; then the rows that wait for their seal. */
  private async *parts(teamId: string): AsyncGenerator<ExportLine[]> {
    const { headSeq } = await this.log.state(teamId);
    const checkpoints = await this.log.checkpoints(teamId);
    if (checkpoints.length > 0) yield checkpoints.map((point) => ({ kind: 'checkpoint', ...point }));
    for (let seq = 0; ;) {
      const seal = await this.log.batchAfter(teamId, seq, headSeq);
      if (seal === null) break;
      const rows = await this.log.rowsOf(seal);
      const lines: ExportLine[] = [{ kind: 'seal', ...seal }];
      for (const [index, id] of seal.ids.entries()) {
        const row = rows.get(id);
        if (row) lines.push(this.rowOf(teamId, row, { seq: seal.seq, index }));
      }
      yield lines;
      ({ seq } = seal);
    }
    for (let after: string | null = null; ;) {
      const rows = await this.log.pendingAfter(teamId, after, PENDING_PAGE);
      if (rows.length > 0) yield rows.map((row) => this.rowOf(teamId, row, null));
      const last = rows.at(-1);
      if (!last || rows.length < PENDING_PAGE) return;
      after = last.id;
    }
  }

  private rowOf(teamId: string, row: StoredRow & Row, seal: ExportRow['seal']): ExportRow {
    const personal = this.personal.maskedOf(teamId, {
      id: row.id,
      resourceType: row.resourceType ?? '',
      resourceId: row.resourceId ?? '',
      sealed: row.sealed === null ? null : Buffer.from(row.sealed, 'hex'),
      wrapped: row.wrapped as Buffer | null,
    });
    return rowLine(row, personal, seal);
  }
}
