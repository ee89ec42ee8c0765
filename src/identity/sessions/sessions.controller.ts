import { Controller, Delete, Get, Param } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { Ctx } from '../../platform/http/parameters.js';
import { RecordId } from '../../platform/http/record-id.pipe.js';
import { Audited, Authenticated, UsersOnly } from '../../platform/http/route-metadata.js';
import { deviceLabel } from './device-label.js';
import { SessionEndedView, SessionView } from './dto/session.views.js';
import { SessionService } from './session.service.js';

@Controller('v1/auth/sessions')
export class SessionsController {
  constructor(private readonly sessions: SessionService) {}

  /** Where the caller is signed in to this team, last used first; at most 100. */
  @Get()
  @Authenticated('everyone may see where they are signed in')
  @UsersOnly()
  async list(@Ctx() context: RequestContext): Promise<SessionView[]> {
    const sessions = await this.sessions.list(context);
    return sessions.map((session) => ({ ...session, device: deviceLabel(session.userAgent) }));
  }

  /** Ends one of the caller's sessions; its access token stops working within a second, on every instance. */
  @Delete(':id')
  @Authenticated('everyone may end their own sessions')
  @UsersOnly()
  @Audited('session')
  async end(@Ctx() context: RequestContext, @Param('id', RecordId) id: string): Promise<SessionEndedView> {
    await this.sessions.closeOwn(context, id);
    return { id, revoked: true };
  }
}
