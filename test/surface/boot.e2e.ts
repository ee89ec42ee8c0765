import { Controller, Get, HttpCode, Module, Post, type Type } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { RequestContext } from '../../src/platform/context/request-context.js';
import { Database } from '../../src/platform/database/database.js';
import { Ctx } from '../../src/platform/http/parameters.js';
import { Audited, NotAudited, Public, RequireScope } from '../../src/platform/http/route-metadata.js';
import { type Account, registerOwner } from '../harness/accounts.js';
import type { Answer } from '../harness/http-client.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

const DEACTIVATE = {
  name: null,
  text: `UPDATE clients SET status = 'inactive', version = version + 1`,
  values: [],
};

/** What a careless newcomer could write; each handler forgets something that the platform insists on. */
@Controller('v1/careless')
class CarelessController {
  constructor(
    private readonly source: DataSource,
    private readonly database: Database,
  ) {}

  @Post('data-source')
  @RequireScope('clients:write')
  @Audited('client')
  async writeThroughDataSource(@Ctx() context: RequestContext): Promise<object> {
    await this.source.transaction(async (manager) => {
      await manager.query(`SELECT set_config('app.team_id', $1, true)`, [context.principal.teamId]);
      await manager.query(DEACTIVATE.text);
    });
    return { written: true };
  }

  @Get('read')
  @RequireScope('clients:read')
  async writeInRead(@Ctx() context: RequestContext): Promise<object> {
    return this.writeThroughDataSource(context);
  }

  @Post('exempt')
  @RequireScope('clients:write')
  @NotAudited('a reason that is none')
  async writeUnderExemption(@Ctx() context: RequestContext): Promise<object> {
    context.work.noChange('a claim that is not true');
    return this.writeThroughDataSource(context);
  }

  @Post('database')
  @RequireScope('clients:write')
  @Audited('client')
  async writeOutsideUnit(@Ctx() context: RequestContext): Promise<object> {
    await this.database.runIn(context.principal, [DEACTIVATE]);
    return { written: true };
  }

  @Post('silent')
  @RequireScope('clients:write')
  @Audited('client')
  endWithoutChange(): object {
    return { done: true };
  }

  @Post('unrecorded')
  @RequireScope('clients:write')
  @Audited('client')
  stageWithoutRecord(@Ctx() context: RequestContext): object {
    context.work.stage({ statement: DEACTIVATE, change: null });
    return { done: true };
  }

  @Post('denied')
  @RequireScope('clients:write')
  @Audited('client')
  stageAndDeny(@Ctx() context: RequestContext): object {
    context.work.stage({ statement: DEACTIVATE, change: null });
    context.work.noChange('a claim that is not true');
    return { done: true };
  }

  @Post('rightly-nothing')
  @HttpCode(200)
  @RequireScope('clients:write')
  @Audited('client')
  changeNothing(@Ctx() context: RequestContext): object {
    context.work.noChange('nothing to change');
    return { done: true };
  }
}

@Module({ controllers: [CarelessController] })
class CarelessModule {}

describe('a handler that forgets the rules', () => {
  let app: TestApp;
  let owner: Account;
  let clientsBefore: unknown[];

  const clients = () => app.database.sql('SELECT * FROM clients ORDER BY id');

  beforeAll(async () => {
    app = await startTestApp({ extra: [CarelessModule] });
    owner = await registerOwner(app.http);
    for (const firstName of ['Robin', 'Jordan']) await owner.http.post('/v1/clients', { firstName });
    clientsBefore = await clients();
  });
  afterAll(() => app?.close());

  it.each([
    ['writes around the repository, through the data source', 'POST', 'data-source'],
    ['writes in a read', 'GET', 'read'],
    ['writes around the repository and says that nothing changed', 'POST', 'exempt'],
    ['writes in its team but outside its unit of work', 'POST', 'database'],
    ['ends without a change and without a reason', 'POST', 'silent'],
    ['stages a write without a record of it', 'POST', 'unrecorded'],
    ['stages a write and says that nothing changed', 'POST', 'denied'],
  ])('and %s fails its request and changes nothing', async (_what, method, path) => {
    expectNoDetail(await owner.http.send(method, `/v1/careless/${path}`));
    expect(clientsBefore).toHaveLength(2);
    expect(await clients()).toEqual(clientsBefore);
  });

  it('is not one that gives a reason for changing nothing', async () => {
    expect((await owner.http.post('/v1/careless/rightly-nothing')).status).toBe(200);
  });

  it('leaves no unit of work behind for the next request on its connection', async () => {
    for (let n = 0; n < 12; n++) await owner.http.post('/v1/careless/denied');
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => owner.http.post('/v1/careless/data-source')),
    );
    answers.forEach(expectNoDetail);
    expect(await clients()).toEqual(clientsBefore);
  });
});

function expectNoDetail(answer: Answer): void {
  expect([answer.status, answer.json.error]).toEqual([
    500,
    { code: 'INTERNAL', message: expect.any(String), requestId: answer.headers['x-request-id'] },
  ]);
  expect(answer.text).not.toMatch(/clients|unit|audit|policy|row|noChange|recorded|TypeORM|Query/i);
}

@Controller('v1/unguarded')
class UnguardedController {
  @Get('open')
  open(): object {
    return {};
  }
}

@Controller('v1/unaudited')
class UnauditedController {
  @Post('quiet')
  @Public('a test')
  quiet(): object {
    return {};
  }

  @Get('fine')
  @Public('a test')
  fine(): object {
    return {};
  }
}

/** What a start with these controllers ends with. */
async function startWith(...controllers: Type<unknown>[]): Promise<string> {
  @Module({ controllers })
  class ThrowAwayModule {}
  try {
    const app = await startTestApp({ extra: [ThrowAwayModule] });
    await app.close();
    return 'started';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the start', () => {
  it('is refused for a route that says nothing about access, by name', async () => {
    const message = await startWith(UnguardedController);
    expect(message.split('\n')).toEqual([
      'Latchkey does not start:',
      '  GET /v1/unguarded/open (UnguardedController.open) declares no @RequireScope, @Authenticated or @Public',
    ]);
  });

  it('is refused for a mutation that says nothing about its audit, by name', async () => {
    const message = await startWith(UnauditedController);
    expect(message.split('\n')).toEqual([
      'Latchkey does not start:',
      '  POST /v1/unaudited/quiet (UnauditedController.quiet) declares no @Audited or @NotAudited',
    ]);
  });

  it('names every such route at once', async () => {
    const message = await startWith(UnguardedController, UnauditedController);
    expect(message).toContain('UnguardedController.open');
    expect(message).toContain('UnauditedController.quiet');
  });
});
