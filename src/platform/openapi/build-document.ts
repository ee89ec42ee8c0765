import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Config } from '../config/config.js';
import { RouteTable } from '../http/route-table.js';
import { COMPONENTS } from './components.js';
import { describeOperation, operationIdOf, tagOf } from './describe-operation.js';
import { ERROR_EXAMPLES } from './error-responses.js';
import type { OpenApi } from './open-api.js';
import { finishSchema, reachable } from './schemas.js';

const DESCRIPTION = `CRM and call-tracking back end for real-estate brokerages.

Every answer under \`/v1\` is \`{"success":true,"data":…}\`, lists with \`meta.nextCursor\`; every refusal is
\`{"success":false,"error":{"code","message","details"?,"requestId"}}\`, or RFC 9457 for \`Accept: application/problem+json\`.
Sign in at \`/v1/auth/login\` and send the access token as \`Authorization: Bearer …\`, or make an API key and send it as \`X-API-Key\`.
Ids are UUIDs, times ISO 8601 in UTC, money an integer of minor units.`;

/** The OpenAPI 3.1 document of an initialised application: the builder's, completed from the route table. */
export function buildDocument(app: INestApplication): OpenApi {
  const base = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Latchkey')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addServer(app.get(Config).publicBaseUrl ?? '/')
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Access token, 15 min.' },
      'bearer',
    )
    .addApiKey(
      { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'Also as a bearer token.' },
      'apiKey',
    )
    .addCookieAuth(
      refreshCookieName(app.get(Config).isProduction),
      { type: 'apiKey', description: 'Set by signing in; read by `/v1/auth` alone.' },
      'refreshCookie',
    )
    .build();
  const document = SwaggerModule.createDocument(app, base, {
    operationIdFactory: operationIdOf,
  }) as unknown as OpenApi;
  complete(document, app.get(RouteTable));
  return document;
}

function refreshCookieName(isProduction: boolean): string {
  return isProduction ? '__Host-latchkey_refresh' : 'latchkey_refresh';
}

function complete(document: OpenApi, table: RouteTable): void {
  const tags = new Set<string>();
  const bodies = [];
  for (const route of table.all()) {
    const operation = document.paths[route.path]?.[route.method.toLowerCase()];
    if (!operation) continue;
    describeOperation(operation, route, route.answers);
    tags.add(tagOf(route));
    bodies.push(operation.requestBody?.content?.['application/json']?.schema);
  }
  const { schemas } = document.components;
  for (const schema of Object.values(schemas)) finishSchema(schema);
  // Unknown fields of a body are refused, so the schema says so.
  for (const name of reachable(bodies, schemas)) {
    if (schemas[name].properties) schemas[name].additionalProperties = false;
  }
  document.tags = [...tags].sort().map((name) => ({ name }));
  document.components = {
    ...document.components,
    examples: ERROR_EXAMPLES,
    headers: COMPONENTS.headers,
    parameters: COMPONENTS.parameters,
    schemas: { ...COMPONENTS.schemas, ...schemas },
  };
}
