import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { PassportModule } from '@nestjs/passport';
import { ThrottlerModule } from '@nestjs/throttler';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccountTokens } from './accounts/account-tokens.service.js';
import { AccountsController } from './accounts/accounts.controller.js';
import { EmailVerificationService } from './accounts/email-verification.service.js';
import { PasswordChangeService } from './accounts/password-change.service.js';
import { PasswordResetService } from './accounts/password-reset.service.js';
import { PasswordRehash } from './accounts/password-rehash.service.js';
import { PasswordWriter } from './accounts/password-writer.service.js';
import { ApiKey } from './api-keys/api-key.entity.js';
import { ApiKeyUsage } from './api-keys/api-key-usage.service.js';
import { ApiKeyUsageStore } from './api-keys/api-key-usage.store.js';
import { ApiKeyWatch } from './api-keys/api-key-watch.service.js';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeysRepository } from './api-keys/api-keys.repository.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { AttemptCounters } from './attempts/attempt-counters.service.js';
import { LoginLockout } from './attempts/login-lockout.service.js';
import { AttemptStore } from './attempts/attempt-store.js';
import { AccessTokens } from './auth/access-tokens.js';
import { ExpiryWarningStore } from './api-keys/expiry-warning.store.js';
import { ExpiryWarnings } from './api-keys/expiry-warnings.service.js';
import { SandboxTeams } from './api-keys/sandbox-teams.js';
import { AcceptInvitationController } from './auth/accept-invitation.controller.js';
import { AuthController } from './auth/auth.controller.js';
import { AuthService } from './auth/auth.service.js';
import { InvitationAcceptanceService } from './auth/invitation-acceptance.service.js';
import { LogoutService } from './auth/logout.service.js';
import { RegistrationService } from './auth/registration.service.js';
import { TwoFactorLoginController } from './auth/two-factor-login.controller.js';
import { TwoFactorLoginService } from './auth/two-factor-login.service.js';
import { HashingMetrics } from './passwords/hashing-metrics.js';
import { PasswordHasher } from './passwords/password-hasher.js';
import { ApiKeyStrategy } from './principals/api-key.strategy.js';
import { BearerSessions } from './principals/bearer-sessions.js';
import { BreakGlassController } from './break-glass/break-glass.controller.js';
import { BreakGlassService } from './break-glass/break-glass.service.js';
import { BreakGlassPrincipals } from './principals/break-glass-principals.js';
import { CallerRecognition } from './principals/caller-recognition.js';
import { JwtStrategy } from './principals/jwt.strategy.js';
import { JwtGuard } from './principals/jwt.guard.js';
import { PrincipalCache } from './principals/principal-cache.js';
import { PrincipalLoader } from './principals/principal-loader.js';
import { FreshSession } from './principals/fresh-session.service.js';
import { PrincipalStanding } from './principals/principal-standing.js';
import { AddressLimit } from './rate-limits/address-limit.js';
import { RateLimitStorageModule } from './rate-limits/rate-limit-storage.module.js';
import { SharedThrottlerStorage } from './rate-limits/shared-throttler-storage.js';
import { RateLimiter } from './rate-limits/rate-limiter.js';
import { ScopesController } from './scopes/scopes.controller.js';
import { CsrfTokens } from './sessions/csrf-tokens.js';
import { KnownDevices } from './sessions/known-devices.service.js';
import { RefreshCookie } from './sessions/refresh-cookie.js';
import { RefreshTokens } from './sessions/refresh-token.js';
import { SessionService } from './sessions/session.service.js';
import { SessionCookies } from './sessions/session-cookies.service.js';
import { SessionPurge } from './sessions/session-purge.service.js';
import { SessionReader } from './sessions/session-reader.js';
import { SessionWatch } from './sessions/session-watch.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionStore } from './sessions/session-store.js';
import { Invitation } from './teams/invitation.entity.js';
import { InvitationsController } from './teams/invitations.controller.js';
import { InvitationsRepository } from './teams/invitations.repository.js';
import { InvitationsService } from './teams/invitations.service.js';
import { MemberStore } from './teams/member-store.js';
import { MembersController } from './teams/members.controller.js';
import { MembersService } from './teams/members.service.js';
import { OwnedRecords } from './teams/owned-records.js';
import { TeamController } from './teams/team.controller.js';
import { TeamService } from './teams/team.service.js';
import { StepUpController } from './two-factor/step-up.controller.js';
import { StepUpService } from './two-factor/step-up.service.js';
import { LoginChallenges } from './two-factor/login-challenges.service.js';
import { PasswordProof } from './two-factor/password-proof.service.js';
import { SecondFactor } from './two-factor/second-factor.service.js';
import { TwoFactorController } from './two-factor/two-factor.controller.js';
import { TwoFactorService } from './two-factor/two-factor.service.js';
import { TwoFactorStore } from './two-factor/two-factor-store.js';
import { UserDirectory } from './users/user-directory.js';

/** Who is calling, and what they may do. */
@Global()
@Module({
  imports: [
    JwtModule.register({}),
    PassportModule,
    ThrottlerModule.forRootAsync({
      imports: [RateLimitStorageModule],
      inject: [SharedThrottlerStorage],
      useFactory: (storage: SharedThrottlerStorage) => ({ throttlers: [{ limit: 1, ttl: 1 }], storage }),
    }),
    TypeOrmModule.forFeature([ApiKey, Invitation]),
  ],
  controllers: [
    AcceptInvitationController,
    BreakGlassController,
    AccountsController,
    ApiKeysController,
    AuthController,
    InvitationsController,
    MembersController,
    ScopesController,
    SessionsController,
    StepUpController,
    TeamController,
    TwoFactorController,
    TwoFactorLoginController,
  ],
  providers: [
    AccessTokens,
    AccountTokens,
    AddressLimit,
    ApiKeysRepository,
    ApiKeysService,
    ApiKeyStrategy,
    AttemptCounters,
    AttemptStore,
    ApiKeyUsage,
    ApiKeyUsageStore,
    ApiKeyWatch,
    AuthService,
    BearerSessions,
    BreakGlassPrincipals,
    BreakGlassService,
    CallerRecognition,
    CsrfTokens,
    EmailVerificationService,
    ExpiryWarnings,
    ExpiryWarningStore,
    FreshSession,
    InvitationAcceptanceService,
    InvitationsRepository,
    InvitationsService,
    JwtGuard,
    JwtStrategy,
    KnownDevices,
    LoginLockout,
    LogoutService,
    MemberStore,
    MembersService,
    OwnedRecords,
    PasswordChangeService,
    HashingMetrics,
    { provide: PasswordHasher, useFactory: () => new PasswordHasher() },
    PasswordResetService,
    PasswordWriter,
    PrincipalCache,
    PrincipalLoader,
    PrincipalStanding,
    RateLimiter,
    RefreshCookie,
    RefreshTokens,
    RegistrationService,
    SessionCookies,
    SessionPurge,
    SessionReader,
    SandboxTeams,
    SessionService,
    SessionStore,
    SessionWatch,
    StepUpService,
    TeamService,
    LoginChallenges,
    TwoFactorLoginService,
    TwoFactorService,
    TwoFactorStore,
    SecondFactor,
    PasswordProof,
    PasswordRehash,
    UserDirectory,
  ],
  exports: [
    AddressLimit,
    ApiKeyStrategy,
    FreshSession,
    JwtGuard,
    PrincipalLoader,
    PrincipalStanding,
    RateLimiter,
  ],
})
export class IdentityModule {}
