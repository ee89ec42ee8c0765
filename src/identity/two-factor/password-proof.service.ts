import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ApiError } from '../../platform/http/api-error.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { UserDirectory } from '../users/user-directory.js';

/** Checks the password of somebody who is signed in already. */
@Injectable()
export class PasswordProof {
  constructor(
    private readonly users: UserDirectory,
    private readonly passwords: PasswordHasher,
  ) {}

  /** @throws ApiError 401 `INVALID_CREDENTIALS` */
  async prove(context: RequestContext, password: string): Promise<void> {
    const { teamId, userId } = context.principal;
    const hash = await this.users.findPasswordHash(teamId, userId);
    if (hash === null || !(await this.passwords.verify(hash, password))) {
      throw new ApiError('INVALID_CREDENTIALS', 'The password is wrong.');
    }
  }
}
