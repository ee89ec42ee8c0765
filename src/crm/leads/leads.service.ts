import { Injectable } from '@nestjs/common';
import { peopleSearch } from '../records/people-search.js';
import { maskPerson, storedPhone } from '../records/person.js';
import { refuse, RecordService } from '../records/record.service.js';
import type { Fields } from '../records/record-rules.js';
import { RecordTools } from '../records/record-tools.js';
import { CreateLeadDto } from './dto/create-lead.dto.js';
import { UpdateLeadDto } from './dto/update-lead.dto.js';
import type { LeadView } from './dto/lead.view.js';
import type { ListLeadsDto } from './dto/list-leads.dto.js';
import type { Lead, LeadPersonal } from './lead.entity.js';
import { LeadsRepository } from './leads.repository.js';

/** The rules of leads. */
@Injectable()
export class LeadsService extends RecordService<Lead, LeadPersonal, LeadView, CreateLeadDto, ListLeadsDto> {
  constructor(leads: LeadsRepository, tools: RecordTools) {
    super(
      leads,
      {
        resource: 'leads',
        bodies: { create: CreateLeadDto, update: UpdateLeadDto },
        masking: { scope: 'leads:pii', mask: maskPerson },
        defaults: { leadType: 'buyer', leadStatus: 'new', currency: 'USD', tags: [] },
        filters: ['leadType', 'leadStatus', 'source', 'ownerId'],
        narrow: (context, query) => ({ terms: peopleSearch(context, 'leads', 'leads:pii', query) }),
        stored: (context, input) => storedPhone(context, input.phone),
        check: budgetInOrder,
      },
      tools,
    );
  }
}

function budgetInOrder({ budgetMin, budgetMax }: Fields): void {
  if (typeof budgetMin === 'number' && typeof budgetMax === 'number' && budgetMin > budgetMax)
    refuse('budgetMax', 'is not below budgetMin');
}
