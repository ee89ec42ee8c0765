import { Controller, Get } from '@nestjs/common';
import { Authenticated } from '../../platform/http/route-metadata.js';
import { ScopeView } from './dto/scope.view.js';
import { SCOPES } from './scope-catalogue.js';

@Controller('v1/scopes')
export class ScopesController {
  /** The one catalogue of scopes, for roles and for API keys. */
  @Get()
  @Authenticated('the catalogue is no secret')
  list(): ScopeView[] {
    return SCOPES.map(({ scope, description, roles, grantableToKeys }) => ({
      scope,
      description,
      roles: [...roles],
      grantableToKeys,
    }));
  }
}
