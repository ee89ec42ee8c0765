import { applyDecorators, SetMetadata } from '@nestjs/common';
import type { ErrorCode } from './api-error.js';

/** Who may call a route. Exactly one of these stands on every handler, or the boot stops. */
export type Access =
  | { readonly kind: 'public'; readonly reason: string }
  | { readonly kind: 'authenticated'; readonly reason: string }
  | { readonly kind: 'platform'; readonly reason: string }
  | { readonly kind: 'scope'; readonly scope: string };

/** How a mutation is audited. Every handler that is not a GET says so, or the boot stops. */
export type AuditRule =
  | { readonly kind: 'audited'; readonly resourceType: string }
  | { readonly kind: 'exempt'; readonly reason: string };

export const ACCESS_KEY = Symbol('latchkey:access');
export const AUDIT_KEY = Symbol('latchkey:audit');
export const STEP_UP_KEY = Symbol('latchkey:step-up');
export const USERS_ONLY_KEY = Symbol('latchkey:users-only');
export const ANSWERS_KEY = Symbol('latchkey:answers');

/** Anyone may call this route; the reason stands in the permission snapshot. */
export const Public = (reason: string): MethodDecorator =>
  SetMetadata(ACCESS_KEY, { kind: 'public', reason } satisfies Access);

/** Any principal may call this route, whatever its scopes. */
export const Authenticated = (reason: string): MethodDecorator =>
  SetMetadata(ACCESS_KEY, { kind: 'authenticated', reason } satisfies Access);

/** For people who run the installation, with a second factor; the reason stands in the permission snapshot. */
export const PlatformAdminsOnly = (reason: string): MethodDecorator =>
  applyDecorators(
    SetMetadata(ACCESS_KEY, { kind: 'platform', reason } satisfies Access),
    SetMetadata(USERS_ONLY_KEY, true),
  );

/** The caller needs this scope: by role, and for a key by its own list as well. */
export const RequireScope = (scope: string): MethodDecorator =>
  SetMetadata(ACCESS_KEY, { kind: 'scope', scope } satisfies Access);

/** The mutation writes an audit row for a resource of this type. */
export const Audited = (resourceType: string): MethodDecorator =>
  SetMetadata(AUDIT_KEY, { kind: 'audited', resourceType } satisfies AuditRule);

/** The mutation changes nothing that an auditor asks for; the reason stands in the permission snapshot. */
export const NotAudited = (reason: string): MethodDecorator =>
  SetMetadata(AUDIT_KEY, { kind: 'exempt', reason } satisfies AuditRule);

/**
 * Who needs a second factor on a sensitive route where `REQUIRE_2FA` is on: owners and admins, everyone, or (on the
 * way to a second factor) nobody.
 */
export type TwoFactorRule = 'managers' | 'everyone' | 'nobody';

/** The session must have proved itself within the last ten minutes; API keys are refused. */
export const StepUp = (twoFactor: TwoFactorRule = 'managers'): MethodDecorator =>
  applyDecorators(SetMetadata(STEP_UP_KEY, twoFactor), SetMetadata(USERS_ONLY_KEY, true));

/** Signed-in people only: a key is refused whatever its scopes. */
export const UsersOnly = (): MethodDecorator => SetMetadata(USERS_ONLY_KEY, true);

/** Errors the route gives besides those that follow from its declarations (a send: `RECIPIENT_OPTED_OUT`); for the API document. */
export const Answers = (...codes: ErrorCode[]): MethodDecorator => SetMetadata(ANSWERS_KEY, codes);
