import { IsString, MaxLength, MinLength } from 'class-validator';
import { TwoFactorCodeDto } from './two-factor-code.dto.js';

export class DisableTwoFactorDto extends TwoFactorCodeDto {
  @IsString()
  @MinLength(1)
  @MaxLength(512)
  password: string;
}
