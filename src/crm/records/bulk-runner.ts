import { Injectable, type Type } from '@nestjs/common';
import { insufficientScope } from '../../identity/principals/scope.guard.js';
import type { Scope } from '../../identity/scopes/scope-catalogue.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { toApiError } from '../../platform/http/error-mapping.js';
import { UnitRunner } from '../../platform/http/unit-runner.js';
import { ApiValidationPipe } from '../../platform/http/validation.pipe.js';
import type { BulkDto, BulkOperationDto } from './bulk.dto.js';
import type { BulkResultView, BulkView } from './bulk.view.js';

/** What {@link RecordService} offers for one operation. */
export interface BulkTarget {
  readonly deleteScope: Scope;
  preload(context: RequestContext, ids: readonly string[]): Promise<void>;
  create(context: RequestContext, input: object): Promise<object>;
  update(context: RequestContext, id: string, ifMatch: string | null, input: object): Promise<object>;
  archive(context: RequestContext, id: string, ifMatch: string | null): Promise<object>;
}

/** The bodies of single requests. */
export interface BulkBodies {
  readonly create: Type;
  readonly update: Type;
}

/**
 * Many operations in one request. All-or-nothing shares the request's unit of work: one read for all records,
 * one transaction. Each-for-itself commits every operation apart, so that one's failure cannot undo another; a repetition
 * under the same idempotency key goes on where the first request broke off.
 */
@Injectable()
export class BulkRunner {
  private readonly validation = new ApiValidationPipe();

  constructor(private readonly units: UnitRunner) {}

  /** @throws ApiError the first failure of an all-or-nothing request, naming the operation */
  async run(
    context: RequestContext,
    target: BulkTarget,
    bodies: BulkBodies,
    { operations, atomic }: BulkDto,
  ): Promise<BulkView> {
    const { scopes } = context.principal;
    const deletes = operations.some(({ action }) => action === 'delete');
    if (deletes && !scopes.has(target.deleteScope)) throw insufficientScope(target.deleteScope, scopes);
    const results =
      atomic === false
        ? await this.eachForItself(context, target, bodies, operations)
        : await this.allOrNothing(context, target, bodies, operations);
    const failed = results.filter(({ error }) => error !== null).length;
    return { succeeded: results.length - failed, failed, results };
  }

  private async allOrNothing(
    context: RequestContext,
    target: BulkTarget,
    bodies: BulkBodies,
    operations: readonly BulkOperationDto[],
  ): Promise<BulkResultView[]> {
    // Operations that change nothing are no reason to fail when all are of that kind.
    context.work.noChange('no operation alters anything');
    await target.preload(
      context,
      operations.flatMap(({ id }) => (id === undefined ? [] : [id.toLowerCase()])),
    );
    const results: BulkResultView[] = [];
    for (const [index, operation] of operations.entries()) {
      try {
        results.push(await this.one(context, target, bodies, operation, index));
      } catch (error) {
        throw error instanceof ApiError ? atOperation(index, error) : error;
      }
    }
    return results;
  }

  private async eachForItself(
    context: RequestContext,
    target: BulkTarget,
    bodies: BulkBodies,
    operations: readonly BulkOperationDto[],
  ): Promise<BulkResultView[]> {
    context.work.noChange('each operation was committed by itself');
    const results: BulkResultView[] = [];
    for (const [index, operation] of operations.entries()) {
      try {
        results.push(
          await this.units.step(context, index, () => this.one(context, target, bodies, operation, index)),
        );
      } catch (error) {
        const { status, code, message, details } = toApiError(error);
        if (status >= 500) throw error;
        const failure = { code, message, details: details === null ? null : [...details] };
        results.push({ index, status, id: operation.id ?? null, version: null, error: failure });
      }
    }
    return results;
  }

  private async one(
    context: RequestContext,
    target: BulkTarget,
    bodies: BulkBodies,
    operation: BulkOperationDto,
    index: number,
  ): Promise<BulkResultView> {
    const { action, ifMatch = null } = operation;
    const id = (operation.id ?? '').toLowerCase();
    if (action === 'delete') {
      await target.archive(context, id, ifMatch);
      return { index, status: 200, id, version: null, error: null };
    }
    const metatype = action === 'create' ? bodies.create : bodies.update;
    const body = (await this.validation.transform(operation.data, { type: 'body', metatype })) as object;
    const view = (await (action === 'create'
      ? target.create(context, body)
      : target.update(context, id, ifMatch, body))) as { id: string; version: number };
    const status = action === 'create' ? 201 : 200;
    return { index, status, id: view.id, version: view.version, error: null };
  }
}

/** The same refusal, with the place of the operation before every field. */
function atOperation(index: number, error: ApiError): ApiError {
  const place = `operations.${index}`;
  const details = (error.details ?? [{ field: '', message: error.message }]).map(({ field, message }) => ({
    field: field === '' ? place : `${place}.${field}`,
    message,
  }));
  return new ApiError(error.code, error.message, { details, headers: error.headers, cause: error.cause });
}
