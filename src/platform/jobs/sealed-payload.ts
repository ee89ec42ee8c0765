import { Injectable } from '@nestjs/common';
import { seal } from '../crypto/aead.js';
import { MasterKeys } from '../crypto/master-keys.js';

const TENANT = 'installation';
const PURPOSE = 'jobs';

/** What the queue's table holds instead of the data. */
export interface SealedPayload {
  readonly sealed: string;
}

/**
 * Every job's data is sealed, so nobody has to decide which of it is personal: the queue is read by operators
 * and lies in back-ups. The value is bound to its job's name and id.
 */
@Injectable()
export class PayloadSealer {
  constructor(private readonly keys: MasterKeys) {}

  seal(name: string, id: string, data: object): SealedPayload {
    const key = this.keys.teamKey(this.keys.currentId, TENANT, PURPOSE);
    return { sealed: seal(key, JSON.stringify(data), placeOf(name, id)).toString('base64') };
  }

  /** @throws IntegrityError when the value was changed or moved, or its master key is gone */
  open(name: string, id: string, payload: SealedPayload): unknown {
    const sealed = Buffer.from(payload.sealed, 'base64');
    return JSON.parse(this.keys.openWithAny(TENANT, PURPOSE, sealed, placeOf(name, id)).toString());
  }
}

function placeOf(name: string, id: string): string {
  return `job|pgboss.job|${name}|${id}|data`;
}
