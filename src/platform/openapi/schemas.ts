import type { Schema } from './open-api.js';
import { ITEMS_EXTENSION } from './validation-rules.js';

/** Fields that are ids of records wherever they stand. */
const UUID_FIELDS = new Set([
  'id',
  'teamId',
  'userId',
  'ownerId',
  'clientId',
  'leadId',
  'listingId',
  'apiKeyId',
]);

/** Finishes a schema in place, and everything within it. */
export function finishSchema(schema: Schema): void {
  const items = schema[ITEMS_EXTENSION] as object | undefined;
  if (items) {
    delete schema[ITEMS_EXTENSION];
    schema.items = { ...schema.items, ...items };
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    finishSchema(field);
    const isText = [field.type].flat().includes('string');
    // A docstring's example of digits is read as a number.
    if (isText && typeof field.example === 'number') field.example = String(field.example);
    if (!isText || field.format !== undefined || field.enum !== undefined) continue;
    if (UUID_FIELDS.has(name)) field.format = 'uuid';
    else if (name.endsWith('At')) field.format = 'date-time';
  }
  if (schema.items) finishSchema(schema.items);
  for (const combinator of ['allOf', 'anyOf', 'oneOf']) {
    for (const part of (schema[combinator] as Schema[] | undefined) ?? []) finishSchema(part);
  }
}

/** What `data` is in: the envelope of a success. */
export function envelopeOf(data: Schema | undefined, isPage: boolean): Schema {
  const properties: Record<string, Schema> = { success: { const: true } };
  if (data) properties.data = data;
  if (isPage) properties.meta = { $ref: '#/components/schemas/PageMeta' };
  return { type: 'object', required: Object.keys(properties), properties };
}

/** Names of the schemas that stand in request bodies, those they refer to included. */
export function reachable(from: readonly (Schema | undefined)[], all: Record<string, Schema>): Set<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (typeof value !== 'object' || value === null) return;
    const name = /^#\/components\/schemas\/(.+)$/.exec((value as Schema).$ref ?? '')?.[1];
    if (name && !found.has(name)) {
      found.add(name);
      visit(all[name]);
    }
    Object.values(value).forEach(visit);
  };
  visit(from);
  return found;
}
