import { Global, Module } from '@nestjs/common';
import { SubjectCipher } from '../platform/crypto/subject-cipher.js';
import { DataKeys } from './keys/data-keys.js';

/** Envelope encryption: data keys per subject, wrapped by keys that derive from the master key. */
@Global()
@Module({
  providers: [{ provide: SubjectCipher, useClass: DataKeys }],
  exports: [SubjectCipher],
})
export class VaultModule {}
