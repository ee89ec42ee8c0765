import type { NestInterceptor } from '@nestjs/common';
import { INTERCEPTORS_METADATA, METHOD_METADATA } from '@nestjs/common/constants.js';
import { RequestMethod } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';

type Handler = (...args: never[]) => unknown;

/**
 * Puts the interceptor around every handler that is not a GET, whatever module it comes from. It is what a global
 * interceptor would do for mutations, but reads are spared the observable pipeline that Nest builds around every
 * intercepted call: it costs a GET more than its routing (docs/decisions/0003).
 * Call before the application is initialised: Nest reads the metadata when it builds the routes.
 */
export function interceptMutations(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  interceptor: NestInterceptor,
): void {
  for (const wrapper of discovery.getControllers()) {
    const prototype = (wrapper.metatype as { prototype?: Record<string, Handler> } | null)?.prototype;
    if (!prototype) continue;
    for (const name of scanner.getAllMethodNames(prototype)) {
      const handler = prototype[name];
      const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
      if (method === undefined || method === RequestMethod.GET) continue;
      Reflect.defineMetadata(INTERCEPTORS_METADATA, [interceptor], handler);
    }
  }
}
