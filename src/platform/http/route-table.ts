import { Injectable, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { DECORATORS } from '@nestjs/swagger';
import type { ErrorCode } from './api-error.js';
import {
  type Access,
  ACCESS_KEY,
  ANSWERS_KEY,
  AUDIT_KEY,
  type AuditRule,
  STEP_UP_KEY,
  type TwoFactorRule,
  USERS_ONLY_KEY,
} from './route-metadata.js';

export interface Route {
  readonly method: string;
  /** With parameters as `{id}`. */
  readonly path: string;
  readonly handler: string;
  readonly access: Access;
  readonly audit: AuditRule | null;
  readonly stepUp: boolean;
  readonly usersOnly: boolean;
  /** False for honeypots and for files of pages: the API document leaves them out. */
  readonly documented: boolean;
  /** Errors the route gives besides those that follow from the rest. */
  readonly answers: readonly ErrorCode[];
}

type Handler = (...args: never[]) => unknown;

/**
 * Every route of the application with what it declares. Built once at boot, where a route that declares
 * nothing is an error; the whole-surface tests and the API document read the same table.
 */
@Injectable()
export class RouteTable {
  private routes: readonly Route[] | null = null;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  /** @throws Error that names every route without an access rule, and every mutation without an audit rule */
  all(): readonly Route[] {
    this.routes ??= this.build();
    return this.routes;
  }

  private build(): readonly Route[] {
    const routes: Route[] = [];
    const problems: string[] = [];
    for (const wrapper of this.discovery.getControllers()) {
      const controller = wrapper.metatype as { name: string; prototype: Record<string, Handler> } | null;
      if (!controller?.prototype) continue;
      for (const name of this.scanner.getAllMethodNames(controller.prototype)) {
        const handler = controller.prototype[name];
        if (Reflect.getMetadata(METHOD_METADATA, handler) === undefined) continue;
        this.describe(controller, name, handler, routes, problems);
      }
    }
    if (problems.length > 0) throw new Error(`Latchkey does not start:\n  ${problems.join('\n  ')}`);
    return routes.sort((a, b) => (a.path + a.method < b.path + b.method ? -1 : 1));
  }

  private describe(
    controller: { name: string },
    name: string,
    handler: Handler,
    routes: Route[],
    problems: string[],
  ): void {
    const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod];
    const access = this.reflector.get<Access | undefined>(ACCESS_KEY, handler);
    const audit = this.reflector.get<AuditRule | undefined>(AUDIT_KEY, handler) ?? null;
    for (const path of pathsOf(controller, handler)) {
      const label = `${method} ${path} (${controller.name}.${name})`;
      if (!access) problems.push(`${label} declares no @RequireScope, @Authenticated or @Public`);
      if (method !== 'GET' && !audit) problems.push(`${label} declares no @Audited or @NotAudited`);
      if (!access) continue;
      routes.push({
        method,
        path,
        handler: `${controller.name}.${name}`,
        access,
        audit: method === 'GET' ? null : audit,
        stepUp: this.reflector.get<TwoFactorRule | undefined>(STEP_UP_KEY, handler) !== undefined,
        usersOnly: this.reflector.get<boolean | undefined>(USERS_ONLY_KEY, handler) ?? false,
        documented: !isExcluded(controller, handler),
        answers: this.reflector.get<ErrorCode[] | undefined>(ANSWERS_KEY, handler) ?? [],
      });
    }
  }
}

/** `@ApiExcludeEndpoint()` or `@ApiExcludeController()`. */
function isExcluded(controller: object, handler: Handler): boolean {
  const endpoint = Reflect.getMetadata(DECORATORS.API_EXCLUDE_ENDPOINT, handler) as
    { disable?: boolean } | undefined;
  const whole = Reflect.getMetadata(DECORATORS.API_EXCLUDE_CONTROLLER, controller) as boolean[] | undefined;
  return endpoint?.disable === true || whole?.[0] === true;
}

function pathsOf(controller: object, handler: Handler): string[] {
  const prefixes = [Reflect.getMetadata(PATH_METADATA, controller) as string | string[]].flat();
  const suffixes = [Reflect.getMetadata(PATH_METADATA, handler) as string | string[]].flat();
  return prefixes.flatMap((prefix) =>
    suffixes.map((suffix) => {
      const path = [prefix, suffix]
        .map((part) => part.replace(/^\/+|\/+$/g, ''))
        .filter(Boolean)
        .join('/');
      return `/${path}`.replace(/:([A-Za-z]+)/g, '{$1}');
    }),
  );
}
