import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { CalendarModule } from './crm/calendar/calendar.module.js';
import { ClientsModule } from './crm/clients/clients.module.js';
import { ImportsModule } from './crm/imports/imports.module.js';
import { LeadsModule } from './crm/leads/leads.module.js';
import { ListingsModule } from './crm/listings/listings.module.js';
import { EscrowsModule } from './crm/escrows/escrows.module.js';
import { AppointmentsModule } from './crm/appointments/appointments.module.js';
import { RecordsModule } from './crm/records/records.module.js';
import { ComplianceModule } from './identity/compliance/compliance.module.js';
import { BreakGlassGuard } from './identity/break-glass/break-glass.guard.js';
import { IdentityModule } from './identity/identity.module.js';
import { AuthenticationGuard } from './identity/principals/authentication.guard.js';
import { ScopeGuard } from './identity/principals/scope.guard.js';
import { StepUpGuard } from './identity/principals/step-up.guard.js';
import { PrincipalLimitGuard } from './identity/rate-limits/principal-limit.guard.js';
import { SameOriginGuard } from './identity/sessions/same-origin.guard.js';
import { AuditModule } from './oversight/audit/audit.module.js';
import { AlertsModule } from './oversight/alerts/alerts.module.js';
import { IpBlocksModule } from './oversight/ip-blocks/ip-blocks.module.js';
import { SecurityEventsModule } from './oversight/security-events/security-events.module.js';
import type { Config } from './platform/config/config.js';
import { ConfigModule } from './platform/config/config.module.js';
import { DatabaseModule } from './platform/database/database.module.js';
import type { DatabaseAddress } from './platform/database/database-address.js';
import { ApiExceptionFilter } from './platform/http/exception.filter.js';
import { Idempotency } from './platform/http/idempotency/idempotency.js';
import { MutationInterceptor } from './platform/http/mutation.interceptor.js';
import { ApiValidationPipe } from './platform/http/validation.pipe.js';
import { JobsModule } from './platform/jobs/jobs.module.js';
import type { Log } from './platform/logging/log.js';
import { MailModule } from './platform/mail/mail.module.js';
import { PlatformModule } from './platform/platform.module.js';
import { VaultModule } from './vault/vault.module.js';

/** What an application is made of besides its code. */
export interface AppParts {
  readonly config: Config;
  readonly address: DatabaseAddress;
  readonly log: Log;
  /** Further modules; tests add throw-away routes. */
  readonly extra?: DynamicModule['imports'];
}

/** The list of modules, and the only place where global guards, interceptors, pipes and filters stand, in their order. */
@Module({})
export class AppModule {
  static forRoot({ config, address, log, extra }: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        PlatformModule.forRoot(log),
        DatabaseModule.forRoot(address),
        JobsModule,
        MailModule,
        AuditModule,
        SecurityEventsModule,
        IpBlocksModule,
        AlertsModule,
        VaultModule,
        IdentityModule,
        ComplianceModule,
        RecordsModule,
        ClientsModule,
        LeadsModule,
        CalendarModule,
        AppointmentsModule,
        ListingsModule,
        EscrowsModule,
        ImportsModule,
        ...(extra ?? []),
      ],
      providers: [
        { provide: APP_FILTER, useClass: ApiExceptionFilter },
        { provide: APP_GUARD, useClass: AuthenticationGuard },
        { provide: APP_GUARD, useClass: PrincipalLimitGuard },
        { provide: APP_GUARD, useClass: BreakGlassGuard },
        { provide: APP_GUARD, useClass: SameOriginGuard },
        { provide: APP_GUARD, useClass: ScopeGuard },
        { provide: APP_GUARD, useClass: StepUpGuard },
        Idempotency,
        MutationInterceptor,
        { provide: APP_PIPE, useClass: ApiValidationPipe },
      ],
    };
  }
}
