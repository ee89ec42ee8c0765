import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { RecordService, refuse } from '../records/record.service.js';
import type { Fields } from '../records/record-rules.js';
import { RecordTools } from '../records/record-tools.js';
import { CreateEscrowDto } from './dto/create-escrow.dto.js';
import { UpdateEscrowDto } from './dto/update-escrow.dto.js';
import type { EscrowView } from './dto/escrow.view.js';
import type { ListEscrowsDto } from './dto/list-escrows.dto.js';
import { assertTransition } from './escrow-states.js';
import type { Escrow, EscrowPersonal, EscrowStatus } from './escrow.entity.js';
import { EscrowsRepository } from './escrows.repository.js';

/** The rules of escrows. */
@Injectable()
export class EscrowsService extends RecordService<
  Escrow,
  EscrowPersonal,
  EscrowView,
  CreateEscrowDto,
  ListEscrowsDto
> {
  constructor(escrows: EscrowsRepository, tools: RecordTools, clock: Clock) {
    super(
      escrows,
      {
        resource: 'escrows',
        bodies: { create: CreateEscrowDto, update: UpdateEscrowDto },
        masking: null,
        defaults: { status: 'open', currency: 'USD', checklist: [] },
        filters: ['status', 'listingId', 'clientId', 'escrowNumber', 'ownerId'],
        check: (after, before) => {
          if (before) assertTransition(before.status, after.status as EscrowStatus);
          closesAfterItOpens(after);
        },
        derived: (after, before) =>
          after.status === 'closed' && before?.status !== 'closed' ? { closedAt: clock.nowIso() } : {},
      },
      tools,
    );
  }
}

function closesAfterItOpens({ openedAt, closesAt }: Fields): void {
  if (typeof openedAt === 'string' && typeof closesAt === 'string' && closesAt < openedAt)
    refuse('closesAt', 'is not before openedAt');
}
