/** A calendar link, shown once. */
export class CalendarTokenView {
  token: string;
  /** The address for a calendar program; whoever has it sees the appointments, masked. */
  url: string;
  /** ISO 8601. */
  createdAt: string;
}

export class CalendarTokenRevokedView {
  revoked: boolean;
}
