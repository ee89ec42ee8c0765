import { Matches } from 'class-validator';

export class CalendarQueryDto {
  /** Of `POST /v1/appointments/calendar-token`. */
  @Matches(/^[A-Za-z0-9_-]{43}$/, { message: 'is not a calendar token' })
  token: string;
}
