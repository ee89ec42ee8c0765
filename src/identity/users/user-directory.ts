import { Injectable } from '@nestjs/common';
import type { Role } from '../../platform/context/principal.js';
import { Database } from '../../platform/database/database.js';
import type { Statement } from '../../platform/database/statement.js';

/** What signing in needs of an account before its team is known. */
export interface LoginRecord {
  readonly userId: string;
  readonly passwordHash: string;
  readonly disabled: boolean;
  /** The team the person joined first; null for someone who belongs to none. */
  readonly teamId: string | null;
}

/** A person as they see themselves. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly emailVerifiedAt: string | null;
  readonly passwordChangedAt: string;
}

export interface Member {
  readonly user: Person;
  readonly team: { id: string; name: string; defaultRegion: string };
  readonly role: Role;
  readonly twoFactorEnabled: boolean;
}

/** A team that a person belongs to. */
export interface OwnTeam {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly joinedAt: string;
}

export interface NewUser {
  readonly id: string;
  readonly email: string;
  readonly emailKey: string;
  readonly name: string;
  readonly passwordHash: string;
}

/** People, their teams and their roles. */
@Injectable()
export class UserDirectory {
  constructor(private readonly database: Database) {}

  /** The account of an e-mail key; the one look-up of people that needs no team. */
  async findLogin(emailKey: string): Promise<LoginRecord | null> {
    const text = 'SELECT * FROM latchkey.find_login($1)';
    const [row] = await this.database.runOne({ name: 'user:find-login', text, values: [emailKey] });
    if (!row) return null;
    return {
      userId: row.user_id as string,
      passwordHash: row.password_hash as string,
      disabled: row.disabled as boolean,
      teamId: row.team_id as string | null,
    };
  }

  /** The teams of a person in the order of joining; `teamId` is the one the request is about. */
  async findTeams(teamId: string, userId: string): Promise<OwnTeam[]> {
    const [result] = await this.database.runIn({ teamId, userId }, [
      { name: 'user:find-teams', text: 'SELECT * FROM latchkey.own_teams()', values: [] },
    ]);
    return (result?.rows ?? []).map((row) => ({
      id: row.team_id as string,
      name: row.name as string,
      role: row.role as Role,
      joinedAt: row.joined_at as string,
    }));
  }

  /** A person as a member of a team, or null; nobody is a member of a sandbox. */
  async findMember(teamId: string, userId: string): Promise<Member | null> {
    const [result] = await this.database.runIn({ teamId, userId }, [
      {
        name: 'user:find-member',
        text: `SELECT u.id, u.email, u.name, u.email_verified_at, u.password_changed_at, u.two_factor_enabled_at, m.role, t.name AS team_name, t.default_region
          FROM memberships m JOIN users u ON u.id = m.user_id JOIN teams t ON t.id = m.team_id
          WHERE m.team_id = $1 AND m.user_id = $2 AND NOT m.sandbox`,
        values: [teamId, userId],
      },
    ]);
    const row = result?.rows[0];
    if (!row) return null;
    return {
      user: {
        id: userId,
        email: row.email as string,
        name: row.name as string,
        emailVerifiedAt: row.email_verified_at as string | null,
        passwordChangedAt: row.password_changed_at as string,
      },
      team: { id: teamId, name: row.team_name as string, defaultRegion: row.default_region as string },
      role: row.role as Role,
      twoFactorEnabled: row.two_factor_enabled_at !== null,
    };
  }

  /** A person as themselves, whatever team they belong to; `teamId` is the one the request is about. */
  async findPerson(teamId: string, userId: string): Promise<Person | null> {
    const text = 'SELECT email, name, email_verified_at, password_changed_at FROM users WHERE id = $1';
    const [result] = await this.database.runIn({ teamId, userId }, [
      { name: 'user:find-person', text, values: [userId] },
    ]);
    const row = result?.rows[0];
    return row
      ? {
          id: userId,
          email: row.email as string,
          name: row.name as string,
          emailVerifiedAt: row.email_verified_at as string | null,
          passwordChangedAt: row.password_changed_at as string,
        }
      : null;
  }

  /** The password hash of a person who is signed in, or null. */
  async findPasswordHash(teamId: string, userId: string): Promise<string | null> {
    const text = 'SELECT password_hash FROM users WHERE id = $1';
    const [result] = await this.database.runIn({ teamId, userId }, [
      { name: 'user:find-password-hash', text, values: [userId] },
    ]);
    return (result?.rows[0]?.password_hash as string | undefined) ?? null;
  }

  /**
   * Ends the unit of work when the account was disabled or got another password since it was checked. The row stays
   * locked to the commit, so that a reset either stops this sign-in or meets its session and ends it.
   */
  expectPassword(userId: string, passwordHash: string): Statement {
    return {
      name: 'user:expect-password',
      text: `WITH u AS (SELECT FROM users WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL FOR SHARE)
        SELECT latchkey.expect_written((SELECT count(*) FROM u))`,
      values: [userId, passwordHash],
    };
  }

  /** Another hash of the same password; ends the unit of work when the stored one is no longer `checkedHash`. */
  replaceHash(userId: string, checkedHash: string, hash: string, at: string): Statement {
    return {
      name: 'user:replace-hash',
      text: `WITH w AS (UPDATE users SET password_hash = $3, updated_at = $4, version = version + 1
          WHERE id = $1 AND password_hash = $2 RETURNING 1)
        SELECT latchkey.expect_written((SELECT count(*) FROM w))`,
      values: [userId, checkedHash, hash, at],
    };
  }

  insertUser(user: NewUser): Statement {
    const text = 'INSERT INTO users (id, email, email_key, name, password_hash) VALUES ($1, $2, $3, $4, $5)';
    return {
      name: 'user:insert',
      text,
      values: [user.id, user.email, user.emailKey, user.name, user.passwordHash],
    };
  }

  /** Marks the address of a person as confirmed. */
  verifyEmail(userId: string, at: string): Statement {
    const text = 'UPDATE users SET email_verified_at = $2 WHERE id = $1';
    return { name: 'user:mark-verified', text, values: [userId, at] };
  }

  insertMembership(teamId: string, userId: string, role: Role): Statement {
    const text = 'INSERT INTO memberships (team_id, user_id, role) VALUES ($1, $2, $3)';
    return { name: 'membership:insert', text, values: [teamId, userId, role] };
  }

  insertTeam(teamId: string, name: string): Statement {
    return {
      name: 'team:insert',
      text: 'INSERT INTO teams (id, name) VALUES ($1, $2)',
      values: [teamId, name],
    };
  }
}
