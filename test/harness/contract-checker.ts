import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Answer, HttpClient } from './http-client.js';

interface Template {
  readonly pattern: RegExp;
  readonly operations: Record<string, any>;
  readonly parameters: number;
}

/**
 * Holds answers against the API document: the status must be documented for the operation, and the body must
 * match its schema, with no field that the schema does not name.
 *
 *     const http = ContractChecker.of(document).watch(owner.http);
 */
export class ContractChecker {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  private readonly templates: Template[];
  private readonly validators = new Map<object, ValidateFunction>();
  /** `GET /v1/clients 200` for every answer seen. */
  readonly seen = new Set<string>();

  private constructor(document: any) {
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.ajv);
    this.ajv.addSchema({ $id: 'api', components: document.components });
    this.templates = Object.entries<Record<string, any>>(document.paths)
      .map(([path, operations]) => ({
        pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`),
        operations,
        parameters: path.split('{').length,
      }))
      .sort((a, b) => a.parameters - b.parameters);
  }

  /** @param document as `/openapi.json` gives it */
  static of(document: object): ContractChecker {
    return new ContractChecker(closed(structuredClone(document)));
  }

  watch(http: HttpClient): HttpClient {
    return http.watched((method, path, answer) => this.check(method, path, answer));
  }

  /** @throws Error that says what of the answer is not documented; paths and methods the document does not know pass */
  check(method: string, path: string, answer: Answer): void {
    const operation = this.operationOf(method, path);
    if (!operation) return;
    const label = `${method} ${path.split('?')[0]} ${answer.status}`;
    this.seen.add(label);
    const response = operation.responses[String(answer.status)];
    if (!response) throw new Error(`${label} is not documented: ${answer.text.slice(0, 300)}`);
    const type = (answer.headers['content-type'] ?? '').split(';')[0];
    if (answer.text === '' || !type.endsWith('json')) return;
    const schema = response.content?.[type]?.schema;
    if (!schema) throw new Error(`${label} has no schema for ${type}: ${answer.text.slice(0, 300)}`);
    const validate = this.validatorOf(schema);
    if (validate(answer.json)) return;
    const problems = validate.errors?.map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
    throw new Error(
      `${label} does not match its schema: ${problems?.join('; ')}\n${answer.text.slice(0, 500)}`,
    );
  }

  /** The documented operation that answers this path, or undefined. */
  operationOf(method: string, path: string): any {
    const bare = path.split('?')[0];
    const template = this.templates.find(({ pattern }) => pattern.test(bare));
    return template?.operations[method.toLowerCase()];
  }

  private validatorOf(schema: object): ValidateFunction {
    let validate = this.validators.get(schema);
    if (!validate) {
      const text = JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/');
      validate = this.ajv.compile(JSON.parse(text));
      this.validators.set(schema, validate);
    }
    return validate;
  }
}

/** An undocumented field of an answer is a finding, so objects with known fields take no others. */
function closed(value: any): any {
  if (Array.isArray(value)) value.forEach(closed);
  else if (typeof value === 'object' && value !== null) {
    if (value.type === 'object' && value.properties && value.additionalProperties === undefined) {
      value.additionalProperties = false;
    }
    Object.values(value).forEach(closed);
  }
  return value;
}
