import 'reflect-metadata';
import cookie from '@fastify/cookie';
import { DiscoveryService, MetadataScanner, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { AppModule, type AppParts } from './app.module.js';
import { AddressLimit } from './identity/rate-limits/address-limit.js';
import metadata from './metadata.js';
import { IpGate } from './oversight/ip-blocks/ip-gate.service.js';
import { DenialRecorder } from './oversight/security-events/denial-recorder.js';
import { LONGEST_REQUEST_MS, limitArrival } from './platform/http/body-arrival.js';
import { installCors } from './platform/http/cors.js';
import { interceptMutations } from './platform/http/intercept-mutations.js';
import { MutationInterceptor } from './platform/http/mutation.interceptor.js';
import { ClientErrors } from './platform/http/client-errors.js';
import { decodableUrl, MAX_HEAD_BYTES } from './platform/http/decodable-url.js';
import { HOST_IS_OURS_TO_ASK, installHeadRules } from './platform/http/head-rules.js';
import { installJsonParser } from './platform/http/json-body.js';
import { installRequestHooks } from './platform/http/request-hooks.js';
import { installUploads } from './platform/http/uploads.js';
import { RouteTable } from './platform/http/route-table.js';
import { Metrics } from './platform/metrics/metrics.js';
import { Tracing } from './platform/tracing/tracing.js';
import { addressList, parseCidr } from './platform/net/cidr.js';
import { installApiDocs } from './platform/openapi/api-docs.js';

const BODY_LIMIT_BYTES = 1_048_576;

/**
 * The configured application, ready to listen; `main.ts` and the tests use this same function.
 * @throws Error naming every route that declares no access or no audit rule
 */
export async function createApp(parts: AppParts): Promise<NestFastifyApplication> {
  const clientErrors = new ClientErrors(parts.log, parts.config.isProduction);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: LONGEST_REQUEST_MS,
    http: {
      connectionsCheckingInterval: 1000,
      headersTimeout: 5000,
      maxHeaderSize: MAX_HEAD_BYTES,
      ...HOST_IS_OURS_TO_ASK,
    },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    exposeHeadRoutes: false,
    clientErrorHandler: (error, socket) => clientErrors.refuse(error, socket),
    genReqId: () => '',
    rewriteUrl: decodableUrl,
    routerOptions: { maxParamLength: MAX_HEAD_BYTES },
  } as ConstructorParameters<typeof FastifyAdapter>[0]);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.forRoot(parts), adapter, {
    logger: parts.log,
    bufferLogs: false,
    // Nest would take forms too, which a page of another site can send without asking; Fastify's own JSON parser stays.
    bodyParser: false,
    abortOnError: false,
  });
  try {
    await assemble(app, adapter.getInstance(), parts, clientErrors);
  } catch (error) {
    // Connections are open already; whoever catches this must not be left with them, and hears why all the same.
    await app
      .close()
      .catch((err: unknown) => parts.log.error({ err }, 'the refused application did not end well'));
    throw error;
  }
  return app;
}

/** Everything around the modules: what is decided before a route, in this order, and around every mutation. */
async function assemble(
  app: NestFastifyApplication,
  fastify: FastifyInstance,
  parts: AppParts,
  clientErrors: ClientErrors,
): Promise<void> {
  // First, so that an application with a route that nobody guards has done nothing yet.
  app.get(RouteTable).all();
  fastify.removeContentTypeParser('text/plain');
  installJsonParser(fastify);
  limitArrival(fastify, clientErrors);
  const denials = app.get(DenialRecorder);
  const metrics = app.get(Metrics);
  clientErrors.countIn(metrics);
  installRequestHooks(fastify, {
    log: parts.log,
    metrics,
    spans: app.get(Tracing).spans,
    trustedProxies: addressList(parts.config.trustedProxies.flatMap((text) => parseCidr(text) ?? [])),
    isProduction: parts.config.isProduction,
    atEnd: (request, end) => denials.onEnd(request, end),
  });
  // Before the anonymous limit: a preflight carries no credential, and the request it asks for is counted itself.
  await installCors(app, parts.config);
  fastify.addHook('onSend', (request, _reply, payload, done) => {
    denials.onSend(request, payload);
    done(null, payload);
  });
  await app.register(cookie);
  await installUploads(app);
  // Blocked addresses and traps first: they are decided without the database, and a limit must not hide a trap.
  const gate = app.get(IpGate);
  fastify.addHook('onRequest', (request, _reply, done) => gate.onRequest(request, done));
  const addressLimit = app.get(AddressLimit);
  fastify.addHook('onRequest', (request, reply, done) => addressLimit.onRequest(request, reply, done));
  installHeadRules(fastify, clientErrors);
  interceptMutations(app.get(DiscoveryService), app.get(MetadataScanner), app.get(MutationInterceptor));
  await app.init();
  await installApiDocs(app, metadata);
  await fastify.ready();
}
