import type { Type } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions, DECORATORS } from '@nestjs/swagger';
import { getMetadataStorage, ValidationTypes } from 'class-validator';

type Rule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** Rules of each item of a list; the builder of the document moves them into `items`. */
export const ITEMS_EXTENSION = 'x-latchkey-items';

/**
 * Puts the rules that the document builder does not read itself (what may be left out, sizes of lists, rules of
 * each item, formats) from the validators of a DTO into its schema, so that a rule is written down once.
 */
export function describeValidation(dto: Type): void {
  const fields = new Map<string, Rule[]>();
  for (const rule of getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false)) {
    fields.set(rule.propertyName, [...(fields.get(rule.propertyName) ?? []), rule]);
  }
  for (const [field, rules] of fields) {
    const own = Object.assign({}, ...rules.filter((rule) => !rule.each).map(schemaOf)) as ApiPropertyOptions;
    const items = Object.assign({}, ...rules.filter((rule) => rule.each).map(schemaOf)) as object;
    const all = Object.keys(items).length > 0 ? { ...own, [ITEMS_EXTENSION]: items } : own;
    ApiProperty({ ...typeOf(dto, field), ...all })(dto.prototype as object, field);
  }
}

/** For `@ApiProperty` of a list whose items are checked by a rule of our own. */
export function eachItem(schema: object): object {
  return { [ITEMS_EXTENSION]: schema };
}

/** The type known so far; stated again, or the builder falls back to what TypeScript emits, `Object` for `string | null`. */
function typeOf(dto: Type, field: string): object {
  const known = Reflect.getMetadata(DECORATORS.API_MODEL_PROPERTIES, dto.prototype as object, field) as
    { type?: unknown; isArray?: boolean } | undefined;
  return known?.type === undefined ? {} : { type: known.type, isArray: known.isArray };
}

/** What the first argument of a validator means in a schema. */
const KEYWORDS: Record<string, (argument: unknown) => object> = {
  isInt: () => ({ type: 'integer' }),
  isUuid: () => ({ format: 'uuid' }),
  mailAddress: () => ({ format: 'email' }),
  isIso8601: () => ({ format: 'date-time' }),
  arrayMinSize: (minItems) => ({ minItems }),
  arrayMaxSize: (maxItems) => ({ maxItems }),
  arrayUnique: () => ({ uniqueItems: true }),
  minLength: (minLength) => ({ minLength }),
  maxLength: (maxLength) => ({ maxLength }),
  min: (minimum) => ({ minimum }),
  max: (maximum) => ({ maximum }),
  matches: (pattern) => ({ pattern: (pattern as RegExp).source }),
  isIn: (values) => ({ enum: values }),
};

function schemaOf(rule: Rule): object {
  if (rule.type === ValidationTypes.CONDITIONAL_VALIDATION) return { required: false };
  const keyword = KEYWORDS[rule.name ?? ''];
  return keyword ? keyword((rule.constraints as unknown[] | undefined)?.[0]) : {};
}
