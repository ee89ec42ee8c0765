import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync } from 'class-validator';
import '../../src/app.module.js';
import { UpdateClientDto } from '../../src/crm/clients/dto/update-client.dto.js';
import { UpdateLeadDto } from '../../src/crm/leads/dto/update-lead.dto.js';
import { FlatInput, type InputClass } from '../../src/platform/http/flat-input.js';

const RULES = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true };
/** What people and attackers send: right for some field, wrong for others. */
const VALUES: readonly unknown[] = [
  undefined,
  null,
  '',
  'Jordan',
  '<b>x</b>',
  'a\u0000b',
  'x'.repeat(6000),
  'jordan@example.com',
  '+12025550101',
  '2026-11-20T09:00:00Z',
  '2026-11-20',
  '0190a4c2-7a5e-7c3d-9b1a-2f3c4d5e6f70',
  'not-a-uuid',
  'https://example.com/a',
  'javascript:alert(1)',
  'buyer',
  'active',
  'new',
  'createdAt',
  '-createdAt',
  'clients:read',
  '50',
  0,
  1,
  -1,
  2.5,
  1e308,
  true,
  false,
  [],
  ['a'],
  ['a', 'a'],
  ['clients:read'],
  [1, null],
  [{}],
  {},
  { a: 1 },
];

/** Those with decorators of their own, and two that inherit all of theirs. */
const classes = [
  ...(
    getMetadataStorage() as unknown as { validationMetadatas: Map<InputClass, unknown> }
  ).validationMetadatas.keys(),
  UpdateClientDto,
  UpdateLeadDto,
].filter((type) => typeof type === 'function');

/** The same inputs in every run, so that a failure can be looked into. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

function fieldsOf(type: InputClass): string[] {
  const metadatas = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  return [...new Set(metadatas.map(({ propertyName }) => propertyName))];
}

describe('flat input', () => {
  const flat = new FlatInput();

  it('knows the input classes of every module', () => {
    const names = classes.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['CreateClientDto', 'UpdateLeadDto', 'LoginDto', 'CreateApiKeyDto']),
    );
  });

  it.each(classes.map((type) => [type.name, type] as const))(
    '%s: what is accepted is what the library accepts, and the same object',
    (_name, type) => {
      const below = numbers(4711);
      const fields = fieldsOf(type);
      for (let round = 0; round < 1500; round++) {
        const input: Record<string, unknown> = {};
        for (const field of fields) if (below(3) > 0) input[field] = VALUES[below(VALUES.length)];
        if (below(20) === 0) input.unheardOf = 1;
        const accepted = flat.accept(type, input);
        if (accepted === null) continue;
        const instance = plainToInstance(type, input);
        expect({ input, errors: validateSync(instance, RULES) }).toEqual({ input, errors: [] });
        expect(accepted).toBeInstanceOf(type);
        expect(accepted).toEqual(instance);
      }
    },
  );

  it.each([
    [
      'CreateClientDto',
      { firstName: 'Jordan', email: 'jordan@example.com', tags: ['a', 'b'], type: 'buyer' },
    ],
    ['UpdateClientDto', { status: 'inactive' }],
    ['UpdateClientDto', {}],
  ])('%s does not need the library for what is in order', (name, input) => {
    const type = classes.find((candidate) => candidate.name === name) as InputClass;
    expect(flat.accept(type, input)).toEqual(plainToInstance(type, input));
  });

  it.each([
    ['an array', []],
    ['bytes', Buffer.from('x')],
    ['an instance', new Date()],
    ['an unknown name', { firstName: 'Jordan', unheardOf: 1 }],
    ['a nested object', { firstName: { toString: 'x' } }],
  ])('%s is left to the library', (_what, input) => {
    const type = classes.find(({ name }) => name === 'UpdateClientDto') as InputClass;
    expect(flat.accept(type, input)).toBeNull();
  });
});
