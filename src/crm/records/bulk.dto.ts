import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsUUID,
  Matches,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { MayBeLeftOut } from '../../platform/http/validators/may-be-left-out.js';

export class BulkOperationDto {
  @IsIn(['create', 'update', 'delete'])
  action: 'create' | 'update' | 'delete';

  /** The record to change or archive. */
  @ValidateIf(({ action }: BulkOperationDto) => action !== 'create')
  @IsUUID()
  id?: string;

  /** The `ETag` the record must still have. */
  @MayBeLeftOut()
  @Matches(/^"v\d{1,9}"$/, { message: 'is an entity tag such as "v3"' })
  ifMatch?: string;

  /** The body of the single request: `POST /` for `create`, `PATCH /{id}` for `update`. */
  @ValidateIf(({ action }: BulkOperationDto) => action !== 'delete')
  @IsObject()
  data?: Record<string, unknown>;
}

export class BulkDto {
  /**
   * 1 to 500, carried out in this order. To give the e-mail or phone of a record that the same request archives to another,
   * archive first; a creation or change before that is refused with 409 `DUPLICATE`.
   */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @ValidateNested({ each: true })
  @Type(() => BulkOperationDto)
  operations: BulkOperationDto[];

  /**
   * True (unless told otherwise): all or nothing. False: each for itself, with its own result; send an
   * `Idempotency-Key` with it, so that a repetition after a 5xx goes on where the request broke off.
   */
  @MayBeLeftOut()
  @IsBoolean()
  atomic?: boolean;
}
