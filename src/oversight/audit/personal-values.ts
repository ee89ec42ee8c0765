import { Injectable } from '@nestjs/common';
import type { Principal } from '../../platform/context/principal.js';
import { SubjectCipher } from '../../platform/crypto/subject-cipher.js';
import { PersonalViews } from './personal-fields.js';

/** Personal fields of an audit row, before and after. */
export interface Personal {
  readonly old?: Record<string, unknown>;
  readonly new?: Record<string, unknown>;
}

/** What is needed of a row to show its personal values. */
export interface SealedValues {
  readonly id: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly sealed: Buffer | null;
  /** The subject's wrapped data key; null once the subject was erased. */
  readonly wrapped: Buffer | null;
}

/** Opens the personal values of audit rows and masks them for those who may not see them. */
@Injectable()
export class PersonalValues {
  constructor(
    private readonly cipher: SubjectCipher,
    private readonly views: PersonalViews,
  ) {}

  /** Nothing once the subject's data key is gone. */
  of(principal: Principal, row: SealedValues): Personal {
    const values = this.open(principal.teamId, row);
    if (values === null) return {};
    const view = this.views.of(row.resourceType);
    return principal.scopes.has(view.scope) ? values : masked(values, view.mask);
  }

  /** Masked whatever the caller may see: for files that leave the installation. */
  maskedOf(teamId: string, row: SealedValues): Personal {
    const values = this.open(teamId, row);
    return values === null ? {} : masked(values, this.views.of(row.resourceType).mask);
  }

  private open(teamId: string, row: SealedValues): Personal | null {
    if (row.sealed === null || row.wrapped === null) return null;
    const key = this.cipher.unwrap(teamId, row.resourceId, row.wrapped);
    return JSON.parse(key.open(row.sealed, `audit_log|${row.id}`)) as Personal;
  }
}

function masked(
  values: Personal,
  mask: (fields: Record<string, unknown>) => Record<string, unknown>,
): Personal {
  return {
    ...(values.old && { old: mask(values.old) }),
    ...(values.new && { new: mask(values.new) }),
  };
}
