import { Injectable } from '@nestjs/common';
import { PersonalViews } from '../../oversight/audit/personal-fields.js';
import type { RequestContext } from '../../platform/context/request-context.js';
import type { Changes } from '../../platform/database/team.repository.js';
import { normalizePhone } from '../../vault/personal-data/phone-number.js';
import { peopleSearch } from '../records/people-search.js';
import { RecordService } from '../records/record.service.js';
import { maskClient } from './client.audit.js';
import { Client, type ClientPersonal } from './client.entity.js';
import { ClientsRepository } from './clients.repository.js';
import type { ClientView } from './dto/client.view.js';
import type { CreateClientDto } from './dto/create-client.dto.js';
import type { ListClientsDto } from './dto/list-clients.dto.js';
import type { UpdateClientDto } from './dto/update-client.dto.js';

/** The rules of clients. */
@Injectable()
export class ClientsService extends RecordService<
  Client,
  ClientPersonal,
  ClientView,
  CreateClientDto,
  UpdateClientDto,
  ListClientsDto
> {
  constructor(clients: ClientsRepository, views: PersonalViews) {
    super(clients, {
      writeScope: 'clients:write',
      deleteScope: 'clients:delete',
      created: (context, input) => changesOf(context, { ...DEFAULTS, ...input }, NOTHING),
      patched: (context, input, before) => changesOf(context, input, clients.personalOf(before)),
      filters: async (context, query) => ({
        equal: { type: query.type, status: query.status, ownerId: query.ownerId },
        tokens: await clients.tokensFor(context, peopleSearch(context, 'clients', 'clients:pii', query)),
      }),
      view: (context, row) => viewOf(context, row, clients.personalOf(row)),
    });
    views.register('client', { scope: 'clients:pii', mask: maskClient });
  }
}

const DEFAULTS = { type: 'buyer', status: 'active', tags: [] as string[], ownerId: null } as const;
const NOTHING: ClientPersonal = {
  firstName: '',
  lastName: null,
  email: null,
  phone: null,
  address: null,
  notes: null,
};

/** Splits what was sent into plain and personal fields; what was not sent stays as it was. */
function changesOf(
  context: RequestContext,
  input: Partial<CreateClientDto>,
  before: ClientPersonal,
): Changes<Client, ClientPersonal> {
  const { type, status, tags, ownerId, allowDuplicate, phone, ...personal } = input;
  const fields = defined({ type, status, tags, ownerId });
  const e164 = phone == null ? phone : normalizePhone(phone, context.principal.defaultRegion, 'phone');
  return { fields, personal: { ...before, ...defined({ ...personal, phone: e164 }) }, allowDuplicate };
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function viewOf(context: RequestContext, row: Client, personal: ClientPersonal): ClientView {
  const shown = context.principal.scopes.has('clients:pii') ? personal : maskClient(personal);
  return {
    id: row.id,
    firstName: shown.firstName,
    lastName: shown.lastName,
    email: shown.email,
    phone: shown.phone,
    type: row.type,
    status: row.status,
    address: shown.address,
    notes: shown.notes,
    tags: row.tags,
    ownerId: row.ownerId,
    version: row.version,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}
