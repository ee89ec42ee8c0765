import type { RequestContext } from '../../platform/context/request-context.js';
import type { Bound } from '../../platform/database/list-query.js';
import type { Scope } from '../../identity/scopes/scope-catalogue.js';
import type { BulkBodies } from './bulk-runner.js';
import type { RecordEntity } from './record.entity.js';

/** The resources of the CRM; their scopes are `{resource}:read|write|delete`. */
export type CrmResource = 'clients' | 'leads' | 'appointments' | 'listings' | 'escrows';

/** How a list is narrowed besides its exact filters. */
export interface Narrowing {
  readonly bounds?: readonly Bound[];
  /** Blind-index terms that a record must all have. */
  readonly terms?: readonly string[];
  /** The order when none was asked for. */
  readonly sort?: string;
}

/** Plain and personal fields of a record together. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a CRM resource adds to the common rules of {@link RecordService}. */
export interface RecordRules<E extends RecordEntity, C extends object, L extends object> {
  readonly resource: CrmResource;
  /** Bodies of POST and PATCH, for bulk operations. */
  readonly bodies: BulkBodies;
  /** The scope that sees personal fields as they are, and how everybody else does; null when all readers do. */
  readonly masking: { readonly scope: Scope; readonly mask: (values: Fields) => Fields } | null;
  /** Fields of a new record that were not sent. */
  readonly defaults: Partial<C>;
  /** Parameters of the list that are properties with exactly that value. */
  readonly filters: readonly (keyof L & string)[];
  narrow?(context: RequestContext, query: L): Narrowing;
  /** Sent values in the form in which they are stored, where it is another one. @throws ApiError 400 */
  stored?(context: RequestContext, input: Partial<C>): Partial<Record<keyof C, unknown>>;
  /** Rules between fields, on the record as it is going to be. @throws ApiError */
  check?(after: Fields, before: E | null): void;
  /** Values that follow from others. */
  derived?(after: Fields, before: E | null): Partial<E>;
}
