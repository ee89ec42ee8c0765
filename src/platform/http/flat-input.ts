import { TransformationType } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { getMetadataStorage, type ValidationArguments, ValidationTypes } from 'class-validator';

export type InputClass = new () => object;
type Validate = (value: unknown, args: ValidationArguments) => unknown;

interface Check {
  readonly each: boolean;
  readonly constraints: unknown[];
  readonly validate: Validate;
}

/** What the decorators of one property ask for. */
interface PropertyRules {
  readonly name: string;
  /** `@IsOptional` and its kind: one that says no spares the value its checks. */
  readonly conditions: readonly ((object: object, value: unknown) => boolean)[];
  readonly checks: readonly Check[];
}

type ClassRules = ReadonlyMap<string, PropertyRules>;

/**
 * Takes flat input that is in order, by the rules that the decorators of class-validator put down. The library itself gathers the
 * rules of a class anew for each value and makes an error object for each property, needed or not, which cost a write as much as its
 * SQL. It keeps the last word: whatever is not plainly in order here (an unknown name, a check that says no or takes time, a nested
 * object, a class with rules of another kind) goes through it, and gets its messages.
 */
export class FlatInput {
  private readonly rulesByClass = new Map<InputClass, ClassRules | null>();

  /** @returns the value as an instance of the class, or null when the library must look at it */
  accept(type: InputClass, value: object): object | null {
    const rules = this.rulesOf(type);
    if (rules === null || !isPlain(value)) return null;
    for (const [name, part] of Object.entries(value)) {
      if (!rules.has(name) || !isFlat(part)) return null;
    }
    const input = Object.assign(new type(), value);
    for (const property of rules.values()) {
      if (!isInOrder(type, property, input)) return null;
    }
    return input;
  }

  private rulesOf(type: InputClass): ClassRules | null {
    let rules = this.rulesByClass.get(type);
    if (rules === undefined) {
      rules = readRules(type);
      this.rulesByClass.set(type, rules);
    }
    return rules;
  }
}

/** As a JSON object or a query string is parsed; not an array, nor bytes, nor an instance of a class. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isFlat(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => typeof item !== 'object' || item === null);
  return typeof value !== 'object' || value === null;
}

function isInOrder(type: InputClass, { name, conditions, checks }: PropertyRules, input: object): boolean {
  const value: unknown = (input as Record<string, unknown>)[name];
  for (const applies of conditions) if (!applies(input, value)) return true;
  for (const { each, constraints, validate } of checks) {
    const args = { targetName: type.name, property: name, object: input, value, constraints };
    // Only true is yes: a check that answers later is the library's.
    if (each && Array.isArray(value)) {
      if (!value.every((item) => validate(item, args) === true)) return false;
    } else if (validate(value, args) !== true) return false;
  }
  return true;
}

/** @returns null for a class that uses anything else than conditions and checks */
function readRules(type: InputClass): ClassRules | null {
  const storage = getMetadataStorage();
  const rules = new Map<
    string,
    { name: string; conditions: PropertyRules['conditions'][number][]; checks: Check[] }
  >();
  for (const metadata of storage.getTargetValidationMetadatas(type, '', false, false)) {
    const name = metadata.propertyName;
    if (metadata.validateIf || metadata.groups?.length || isTransformed(type, name)) return null;
    const property = rules.get(name) ?? { name, conditions: [], checks: [] };
    rules.set(name, property);
    if (metadata.type === ValidationTypes.CONDITIONAL_VALIDATION) {
      property.conditions.push(metadata.constraints[0] as PropertyRules['conditions'][number]);
    } else if (metadata.type === ValidationTypes.CUSTOM_VALIDATION) {
      for (const { instance } of storage.getTargetValidatorConstraints(metadata.constraintCls)) {
        const validate: Validate = (value, args) => instance.validate(value, args);
        property.checks.push({ each: metadata.each, constraints: metadata.constraints, validate });
      }
    } else if (metadata.type !== ValidationTypes.WHITELIST) return null;
  }
  return rules.size === 0 ? null : rules;
}

/** Whether class-transformer would do more to the property than copy it. */
function isTransformed(type: InputClass, name: string): boolean {
  return (
    defaultMetadataStorage.findTypeMetadata(type, name) !== undefined ||
    defaultMetadataStorage.findExposeMetadata(type, name) !== undefined ||
    defaultMetadataStorage.findExcludeMetadata(type, name) !== undefined ||
    defaultMetadataStorage.findTransformMetadatas(type, name, TransformationType.PLAIN_TO_CLASS).length > 0
  );
}
