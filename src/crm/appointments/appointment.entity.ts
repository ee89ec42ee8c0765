import { Column, Entity } from 'typeorm';
import { SealedRecordEntity } from '../records/record.entity.js';

export const APPOINTMENT_TYPES = ['showing', 'call', 'meeting', 'inspection'] as const;
export const APPOINTMENT_STATUSES = ['scheduled', 'completed', 'cancelled', 'no_show'] as const;

/** Free text that may name people: one sealed value. */
export interface AppointmentPersonal {
  readonly title: string;
  readonly location: string | null;
}

@Entity('appointments')
export class Appointment extends SealedRecordEntity {
  @Column({ type: 'timestamptz', name: 'starts_at' })
  startsAt: string;

  @Column({ type: 'timestamptz', name: 'ends_at' })
  endsAt: string;

  /** IANA name of the zone it was made in, or null. */
  @Column({ type: 'text', name: 'time_zone', nullable: true })
  timeZone: string | null;

  @Column({ type: 'text' })
  type: (typeof APPOINTMENT_TYPES)[number];

  @Column({ type: 'text' })
  status: (typeof APPOINTMENT_STATUSES)[number];

  @Column({ type: 'uuid', name: 'client_id', nullable: true })
  clientId: string | null;

  @Column({ type: 'uuid', name: 'lead_id', nullable: true })
  leadId: string | null;

  @Column({ type: 'uuid', name: 'listing_id', nullable: true })
  listingId: string | null;
}
