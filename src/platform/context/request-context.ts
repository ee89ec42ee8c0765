import type { UnitOfWork } from '../database/unit-of-work.js';
import type { IdempotentRequest } from '../http/idempotency/idempotent-request.js';
import type { Principal } from './principal.js';

/**
 * What one request knows about itself. It is passed as an argument from the controller to the repository:
 * code without a context does not compile, so a tenant can never be lost on the way (docs/decisions/0002).
 */
export class RequestContext {
  private caller: Principal | null = null;
  private unit: UnitOfWork | null = null;

  /** Set before the unit begins when the client sent an `Idempotency-Key`. */
  idempotency: IdempotentRequest | null = null;

  constructor(
    readonly requestId: string,
    /** The client's address: the socket's, unless the peer is a trusted proxy. */
    readonly ipAddress: string,
    readonly userAgent: string | null,
  ) {}

  /** The caller; throws where authentication has not run, which is a defect of the route. */
  get principal(): Principal {
    if (this.caller === null)
      throw new Error('no principal: the route is public or authentication did not run');
    return this.caller;
  }

  get principalOrNull(): Principal | null {
    return this.caller;
  }

  /** Set once by the authentication guard. */
  authenticate(principal: Principal): void {
    if (this.caller !== null) throw new Error('a request has one principal');
    this.caller = principal;
  }

  /** The unit of work of a mutation; reads have none. */
  get work(): UnitOfWork {
    if (this.unit === null) throw new Error('no unit of work: reads cannot write');
    return this.unit;
  }

  get workOrNull(): UnitOfWork | null {
    return this.unit;
  }

  /** Set by the interceptor of mutations, anew for each attempt. */
  beginWork(work: UnitOfWork): void {
    this.unit = work;
  }
}
