import { IsBoolean, IsOptional } from 'class-validator';

export class RestoreDto {
  /** Bring the record back although another has the same e-mail or phone. */
  @IsOptional()
  @IsBoolean()
  allowDuplicate: boolean = false;
}
