import { randomBytes, randomUUID } from 'node:crypto';

export interface BodyOptions {
  /** Fields beyond the required ones too. */
  readonly full?: boolean;
  /** Values for fields by name, such as ids of records that must exist. */
  readonly given?: Readonly<Record<string, unknown>>;
}

/**
 * A body that an operation of the API document takes: examples where the schema has them, otherwise the
 * smallest value that its constraints allow. Texts differ from call to call, so that nothing is a duplicate
 * and a PATCH changes something.
 */
export function exampleBody(document: any, operation: any, options: BodyOptions = {}): any {
  const schema = operation?.requestBody?.content?.['application/json']?.schema;
  return schema === undefined ? undefined : new Builder(document, options).value(schema, 'body');
}

class Builder {
  private hours = 0;

  constructor(
    private readonly document: any,
    private readonly options: BodyOptions,
  ) {}

  value(given: any, name: string): any {
    const schema = this.resolved(given);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return schema.enum.find((each: unknown) => each !== null);
    const type = [schema.type].flat().find((each: string) => each !== 'null');
    if (type === 'object' || schema.properties) return this.object(schema);
    if (type === 'array') return this.array(schema, name);
    if (type === 'integer' || type === 'number') return schema.example ?? schema.minimum ?? 1;
    if (type === 'boolean') return schema.default ?? false;
    return this.text(schema, name);
  }

  private object(schema: any): object {
    const required = new Set<string>(schema.required ?? []);
    const entries = Object.entries<any>(schema.properties ?? {}).flatMap(([name, field]) => {
      const given = this.options.given?.[name];
      if (given !== undefined) return [[name, given]];
      // Optional references stay out: only the caller knows a record they could point to.
      if (!required.has(name) && (!this.options.full || /Ids?$/.test(name))) return [];
      return [[name, this.value(field, name)]];
    });
    return Object.fromEntries(entries);
  }

  private array(schema: any, name: string): unknown[] {
    if (schema.example) return schema.example;
    return Array.from({ length: schema.minItems ?? 0 }, () => this.value(schema.items ?? {}, name));
  }

  private text(schema: any, name: string): string {
    const unique = randomBytes(5).toString('hex');
    if (schema.format === 'email' || name === 'email') return `someone-${unique}@example.com`;
    if (schema.format === 'uuid') return randomUUID();
    if (schema.format === 'date-time') return new Date(Date.now() + ++this.hours * 3_600_000).toISOString();
    if (/phone/i.test(name))
      return `+1555${String(randomBytes(4).readUInt32BE()).slice(0, 7).padEnd(7, '0')}`;
    const example = String(schema.example ?? name);
    const bound = schema.maxLength ?? Infinity;
    if (schema.pattern || /password|token|code|timeZone/i.test(name)) return example;
    const text = `${example} ${unique}`;
    if (text.length <= bound) return text;
    return example.length <= bound ? example : unique.slice(0, bound);
  }

  private resolved(schema: any): any {
    if (!schema.$ref) return schema.allOf?.length === 1 ? this.resolved(schema.allOf[0]) : schema;
    return this.document.components.schemas[schema.$ref.split('/').pop()];
  }
}
