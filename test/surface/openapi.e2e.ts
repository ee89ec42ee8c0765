import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import SwaggerParser from '@apidevtools/swagger-parser';
import { type Route, RouteTable } from '../../src/platform/http/route-table.js';
import { startTestApp, type TestApp } from '../harness/test-app.js';

describe('the API document', () => {
  let app: TestApp;
  let routes: readonly Route[];
  let document: any;

  beforeAll(async () => {
    app = await startTestApp();
    routes = app.app.get(RouteTable).all();
    document = (await app.http.get('/openapi.json')).json;
  });
  afterAll(() => app.close());

  const operations = (): [string, any][] =>
    Object.entries<Record<string, any>>(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, any] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    );

  it('is valid OpenAPI 3.1', async () => {
    expect(document.openapi).toBe('3.1.0');
    await SwaggerParser.validate(structuredClone(document));
  });

  it('holds every route of the application, and nothing else', () => {
    const documented = routes.filter((route) => route.documented);
    expect(operations().map(([label]) => label)).toEqual(
      expect.arrayContaining(documented.map((route) => `${route.method} ${route.path}`)),
    );
    expect(operations()).toHaveLength(documented.length);
  });

  it('leaves out honeypots and files of pages, and nothing more', () => {
    const hidden = routes.filter((route) => !route.documented).map((route) => route.path);
    for (const path of hidden) expect(path).toMatch(/^\/(landing\.css|docs\/\{file\}|v1\/admin\/.+|[^v].*)$/);
    expect(Object.keys(document.paths).filter((path) => /^\/v1\/admin\/|^\/\./.test(path))).toEqual([]);
  });

  it('gives each operation a name of its own, a summary, a tag, and the schema of its success', () => {
    const ids = operations().map(([, operation]) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const incomplete = operations().filter(([label, operation]) => {
      const success = Object.entries<any>(operation.responses).filter(([status]) => status.startsWith('2'));
      const described = success.every(([status, { content }]) => {
        if (status === '204' || !content) return status === '204' || !label.includes('/v1/');
        const schema = content['application/json']?.schema;
        return !schema || !label.includes(' /v1/') || schema.properties?.data;
      });
      return !operation.summary || !operation.tags?.length || success.length === 0 || !described;
    });
    expect(incomplete.map(([label]) => label)).toEqual([]);
  });

  it('says who may call: security schemes and the required scope follow the route table', () => {
    for (const route of routes.filter((each) => each.documented)) {
      const operation = document.paths[route.path][route.method.toLowerCase()];
      expect(operation['x-required-scope']).toBe(
        route.access.kind === 'scope' ? route.access.scope : undefined,
      );
      if (route.access.kind === 'public') continue;
      expect(operation.security).toEqual(
        route.usersOnly ? [{ bearer: [] }] : [{ bearer: [] }, { apiKey: [] }],
      );
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403', '429', '500']));
    }
    expect(Object.keys(document.components.securitySchemes).sort()).toEqual([
      'apiKey',
      'bearer',
      'refreshCookie',
    ]);
  });

  it('has no nullable of OpenAPI 3.0 left, and refuses unknown fields in bodies', () => {
    expect(JSON.stringify(document)).not.toContain('"nullable"');
    for (const [label, operation] of operations()) {
      const reference = operation.requestBody?.content?.['application/json']?.schema?.$ref as
        string | undefined;
      if (!reference) continue;
      const schema = document.components.schemas[reference.split('/').pop()!];
      expect([label, schema.additionalProperties]).toEqual([label, false]);
    }
  });

  it('is made of the present sources: npm run openapi:metadata', () => {
    const script = join(__dirname, '../../scripts/openapi-metadata.mjs');
    execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' });
  });
});

describe('the pages', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  it('are open to everyone, and load nothing but files of their own', async () => {
    for (const path of ['/', '/docs']) {
      const page = await app.http.get(path);
      expect(page.status).toBe(200);
      expect(page.headers['content-type']).toMatch(/^text\/html/);
      expect(page.text).not.toMatch(/<script>|<style|style=|https?:/);
      for (const [, file] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
        expect([file, (await app.http.get(`/${file}`)).status]).toEqual([file, 200]);
      }
    }
  });

  it('give no other file away', async () => {
    for (const file of [
      'package.json',
      '..%2fpackage.json',
      '%2e%2e/package.json',
      'constructor',
      '__proto__',
    ]) {
      expect((await app.http.get(`/docs/${file}`)).status).toBe(404);
    }
  });
});
