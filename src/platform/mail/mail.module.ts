import { Global, Module } from '@nestjs/common';
import { MailTransport } from './mail-transport.js';
import { Mailer } from './mailer.service.js';
import { PublicAddress } from './public-address.js';

@Global()
@Module({ providers: [MailTransport, Mailer, PublicAddress], exports: [Mailer, PublicAddress] })
export class MailModule {}
