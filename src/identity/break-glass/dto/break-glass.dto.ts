import { IsBoolean, IsUUID } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';
import { PlainText } from '../../../platform/http/validators/plain-text.js';

export class BreakGlassDto {
  /** The team to look into. */
  @IsUUID()
  teamId: string;

  /** Why; the team's owners read it. */
  @PlainText(500)
  reason: string;

  /** Whether records may be changed; not unless asked for. */
  @MayBeLeftOut()
  @IsBoolean()
  write?: boolean;

  /** Whether personal data is shown unmasked; not unless asked for. */
  @MayBeLeftOut()
  @IsBoolean()
  pii?: boolean;
}

/** A way into a team, for half an hour. */
export class BreakGlassView {
  /** Cannot be refreshed. */
  accessToken: string;
  /** Life of the token in seconds. */
  expiresIn: number;
  grantId: string;
  teamId: string;
  write: boolean;
  pii: boolean;
  expiresAt: string;
}
