import { RecordView } from '../../records/record.views.js';

/** An appointment. Its times are UTC; `timeZone` says which wall clock it was meant for. */
export class AppointmentView extends RecordView {
  title: string;
  location: string | null;
  /** ISO 8601. */
  startsAt: string;
  /** ISO 8601. */
  endsAt: string;
  /** IANA name, or null. */
  timeZone: string | null;
  type: 'showing' | 'call' | 'meeting' | 'inspection';
  status: 'scheduled' | 'completed' | 'cancelled' | 'no_show';
  clientId: string | null;
  leadId: string | null;
  listingId: string | null;
}

/** One appointment, with a warning. */
export class AppointmentDetailView extends AppointmentView {
  /** Ids of up to 20 other scheduled appointments of the same owner at the same time. */
  overlaps: string[];
}
