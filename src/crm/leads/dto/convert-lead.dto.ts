import { IsBoolean, IsUUID } from 'class-validator';
import { MayBeLeftOut } from '../../../platform/http/validators/may-be-left-out.js';

export class ConvertLeadDto {
  /** A client that is this person already: the lead is linked to it instead of making another. */
  @MayBeLeftOut()
  @IsUUID()
  clientId?: string;

  /** Make a client although another has the same e-mail or phone. */
  @MayBeLeftOut()
  @IsBoolean()
  allowDuplicate?: boolean;
}
