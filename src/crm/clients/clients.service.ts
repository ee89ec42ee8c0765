import { Injectable } from '@nestjs/common';
import { peopleSearch } from '../records/people-search.js';
import { maskPerson, storedPhone } from '../records/person.js';
import { RecordService } from '../records/record.service.js';
import { RecordTools } from '../records/record-tools.js';
import type { Client, ClientPersonal } from './client.entity.js';
import { ClientsRepository } from './clients.repository.js';
import type { ClientView } from './dto/client.view.js';
import { CreateClientDto } from './dto/create-client.dto.js';
import { UpdateClientDto } from './dto/update-client.dto.js';
import type { ListClientsDto } from './dto/list-clients.dto.js';

/** The rules of clients. */
@Injectable()
export class ClientsService extends RecordService<
  Client,
  ClientPersonal,
  ClientView,
  CreateClientDto,
  ListClientsDto
> {
  constructor(clients: ClientsRepository, tools: RecordTools) {
    super(
      clients,
      {
        resource: 'clients',
        bodies: { create: CreateClientDto, update: UpdateClientDto },
        masking: { scope: 'clients:pii', mask: maskPerson },
        defaults: { type: 'buyer', status: 'active', tags: [] },
        filters: ['type', 'status', 'ownerId'],
        narrow: (context, query) => ({ terms: peopleSearch(context, 'clients', 'clients:pii', query) }),
        stored: (context, input) => storedPhone(context, input.phone),
      },
      tools,
    );
  }
}
