import { ClientView } from '../../clients/dto/client.view.js';
import { LeadView } from './lead.view.js';

/** A lead and the client it became. */
export class ConversionView {
  client: ClientView;
  lead: LeadView;
}
