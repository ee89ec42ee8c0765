import { Injectable, type Type } from '@nestjs/common';
import type { RequestContext } from '../../platform/context/request-context.js';
import { emailTerm, phoneTerm } from '../../vault/personal-data/person-terms.js';
import { normalizePhone } from '../../vault/personal-data/phone-number.js';
import { ClientsService } from '../clients/clients.service.js';
import { LeadsService } from '../leads/leads.service.js';
import { ListingsService } from '../listings/listings.service.js';
import type { BulkTarget } from '../records/bulk-runner.js';
import type { ImportResource, MatchField } from './import-store.js';

type Values = Record<string, unknown>;

/** What an import does with the rows of one resource. */
export interface ImportTarget {
  readonly resource: ImportResource;
  readonly matchFields: readonly MatchField[];
  readonly records: BulkTarget & {
    readonly bodies: { readonly create: Type; readonly update: Type };
  };
  /** The unique terms of a row by field, and values in the form in which they are stored, where that was found on the way. */
  terms(
    context: RequestContext,
    values: Values,
  ): { readonly terms: Partial<Record<MatchField, string>>; readonly stored?: Values };
  /** Values that a row of such a file may lack although a record needs them. */
  complete(values: Values): Values;
}

@Injectable()
export class ImportTargets {
  private readonly targets: Readonly<Record<ImportResource, ImportTarget>>;

  constructor(clients: ClientsService, leads: LeadsService, listings: ListingsService) {
    this.targets = {
      clients: people('clients', clients),
      leads: people('leads', leads),
      listings: {
        resource: 'listings',
        matchFields: ['mlsNumber'],
        records: listings,
        terms: (_context, { mlsNumber }) => ({
          terms: typeof mlsNumber === 'string' ? { mlsNumber: `listings.mls|${mlsNumber}` } : {},
        }),
        // Public sales records name no street; the listing is then called by its number.
        complete: (values) =>
          values.street === undefined && typeof values.mlsNumber === 'string'
            ? { ...values, street: `MLS ${values.mlsNumber}` }
            : values,
      },
    };
  }

  of(resource: ImportResource): ImportTarget {
    return this.targets[resource];
  }
}

function people(resource: 'clients' | 'leads', records: ImportTarget['records']): ImportTarget {
  return {
    resource,
    matchFields: ['email', 'phone'],
    records,
    terms: (context, { email, phone }) => {
      const own = typeof email === 'string' ? { email: emailTerm(resource, email) } : {};
      if (typeof phone !== 'string') return { terms: own };
      const stored = normalizePhone(phone, context.principal.defaultRegion, 'phone');
      return { terms: { ...own, phone: phoneTerm(resource, stored) }, stored: { phone: stored } };
    },
    complete: (values) => values,
  };
}
