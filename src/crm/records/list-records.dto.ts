import { IsISO8601, IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import { PageDto } from '../../platform/http/page.dto.js';
import { MailAddress } from '../../platform/http/validators/mail-address.js';

/** What every CRM list takes. */
export class ListRecordsDto extends PageDto {
  /** Records made after this moment, ISO 8601. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  createdAfter?: string;

  /** Records changed after this moment, ISO 8601; sorts by `updatedAt` unless told otherwise. */
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  @MaxLength(40)
  updatedAfter?: string;
}

/** Lists of people, found through the blind index by those who may see personal data. */
export class ListPeopleDto extends ListRecordsDto {
  /** Exact e-mail address; needs the resource's `pii` scope. */
  @IsOptional()
  @MailAddress()
  @MaxLength(254)
  email?: string;

  /** Exact phone number; needs the resource's `pii` scope. */
  @IsOptional()
  @IsString()
  @MinLength(3)
  @MaxLength(40)
  phone?: string;

  /** Words of the name (from three letters on), or the last four digits of the phone; needs the `pii` scope. */
  @IsOptional()
  @IsString()
  @MinLength(3)
  @MaxLength(100)
  q?: string;
}
