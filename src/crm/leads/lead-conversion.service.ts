import { Injectable } from '@nestjs/common';
import { insufficientScope } from '../../identity/principals/scope.guard.js';
import { Clock } from '../../platform/clock/clock.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import { ClientsService } from '../clients/clients.service.js';
import type { ConvertLeadDto } from './dto/convert-lead.dto.js';
import type { ConversionView } from './dto/conversion.view.js';
import type { Lead } from './lead.entity.js';
import { LeadsRepository } from './leads.repository.js';
import { LeadsService } from './leads.service.js';

/** Turns leads into clients. */
@Injectable()
export class LeadConversionService {
  constructor(
    private readonly leads: LeadsService,
    private readonly repository: LeadsRepository,
    private readonly clients: ClientsService,
    private readonly clock: Clock,
  ) {}

  /**
   * The client of a lead, made in the same transaction that marks the lead; repeating it changes nothing.
   * @throws ApiError 404, 403, 409 `DUPLICATE` with the client that has the same e-mail or phone
   */
  async convert(
    context: RequestContext,
    id: string,
    input: ConvertLeadDto,
  ): Promise<{ isNew: boolean; view: ConversionView }> {
    const { scopes } = context.principal;
    if (!scopes.has('clients:write')) throw insufficientScope('clients:write', scopes);
    const lead = await this.leads.getForWrite(context, id);
    if (lead.convertedClientId !== null) {
      context.work.noChange('the lead is converted already');
      const client = await this.clients.getInAnyState(context, lead.convertedClientId);
      return { isNew: false, view: { client, lead: this.leads.view(context, lead) } };
    }
    // Of twenty at once, nineteen stop here and start again; later they would meet their own client as a duplicate.
    this.repository.hold(context, lead);
    const client =
      input.clientId === undefined
        ? await this.makeClient(context, lead, input.allowDuplicate)
        : await this.clients.get(context, input.clientId);
    const converted = await this.repository.update(context, lead, {
      fields: { leadStatus: 'converted', convertedClientId: client.id, convertedAt: this.clock.nowIso() },
    });
    return { isNew: true, view: { client, lead: this.leads.view(context, converted) } };
  }

  private makeClient(context: RequestContext, lead: Lead, allowDuplicate: boolean | undefined) {
    const { leadType: type, tags, ownerId } = lead;
    const person = this.repository.personalOf(lead);
    return this.clients.create(context, { ...person, type, tags, ownerId, allowDuplicate });
  }
}
