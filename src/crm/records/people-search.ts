import type { RequestContext } from '../../platform/context/request-context.js';
import { invalidField } from '../../platform/http/api-error.js';
import { insufficientScope } from '../../identity/principals/scope.guard.js';
import { type Scope } from '../../identity/scopes/scope-catalogue.js';
import { emailTerm, phoneTerm, searchTerms } from '../../vault/personal-data/person-terms.js';
import { normalizePhone } from '../../vault/personal-data/phone-number.js';
import type { ListPeopleDto } from './list-records.dto.js';

/**
 * Blind-index terms that a search for people must all match.
 * @throws ApiError 403 without the scope: whoever sees masks only must not find out by asking
 */
export function peopleSearch(
  context: RequestContext,
  table: string,
  piiScope: Scope,
  query: ListPeopleDto,
): string[] {
  const { email, phone, q } = query;
  if (email === undefined && phone === undefined && q === undefined) return [];
  const { scopes, defaultRegion } = context.principal;
  if (!scopes.has(piiScope)) throw insufficientScope(piiScope, scopes);
  return [
    ...(email === undefined ? [] : [emailTerm(table, email)]),
    ...(phone === undefined ? [] : [phoneTerm(table, normalizePhone(phone, defaultRegion, 'phone'))]),
    ...(q === undefined ? [] : wordsOf(table, q)),
  ];
}

/** A text without words would match everybody. */
function wordsOf(table: string, q: string): string[] {
  const terms = searchTerms(table, q);
  if (terms.length === 0) throw invalidField('q', 'has a word or a number');
  return terms;
}
