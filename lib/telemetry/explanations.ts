import type { DpopErrorCode, RefusalDetail, RefusalReason } from '../errors/catalogue.js';
import type { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopOutcome } from './differences.js';
import { describeThrown } from '../errors/foreign-error.js';
import type { Place } from '../http/place.js';

/** A request that was let through by `enforcement: 'report'`, and whose it is, as far as it was verified. */
export interface Reported {
  readonly clientId?: string | undefined;
  readonly issuer?: string | undefined;
}

const REPORTED = "let through by enforcement: 'report', would be refused";
/** As `REPORTED`, for a failure of the service. */
export const PASSED = "let through by enforcement: 'report', would be answered 503";

/** One line for the operator: what was refused, where, why, and what was expected. Nothing that the client sent. */
export function describeRefusal(
  { code, reason, message, details }: DpopError,
  place: Place,
  report?: Reported,
): string {
  const { detail, expected, offBySeconds, scopes, acrValues, maxAgeSeconds, advice } = details;
  const { required, missing } = details;
  return join([
    `${report === undefined ? 'refused' : REPORTED}: ${describeReason(code, reason, detail)}${describePlace(place)}`,
    describeClient(report),
    message,
    offBySeconds === undefined ? undefined : `${offBySeconds} s too ${isEarly(reason) ? 'early' : 'late'}`,
    describeExpected(expected, detail),
    // Where one of several scopes is enough, they stand under `expected`.
    scopes === undefined || expected !== undefined ? undefined : `required scopes: ${scopes.join(' ')}`,
    required === undefined ? undefined : `required: ${required.join(', ')}`,
    missing === undefined ? undefined : `missing: ${missing.join(', ')}`,
    acrValues === undefined ? undefined : `accepted acr: ${acrValues.join(' or ')}`,
    maxAgeSeconds === undefined ? undefined : `auth_time at most ${maxAgeSeconds} s ago`,
    advice,
  ]);
}

function describeReason(
  code: DpopErrorCode,
  reason: RefusalReason,
  detail: RefusalDetail | undefined,
): string {
  if (code === reason) return code;
  return `${code} (${detail === undefined ? reason : `${reason}: ${detail}`})`;
}

function describeExpected(
  expected: readonly string[] | undefined,
  detail: RefusalDetail | undefined,
): string | undefined {
  if (expected === undefined) return undefined;
  const values = expected.join(' or ');
  if (detail === 'path') return `expected: ${values} with the path of the request`;
  return detail === 'origin' ? `expected origin: ${values}` : `expected: ${values}`;
}

const isEarly = (reason: RefusalReason): boolean =>
  reason === 'proof_early' || reason === 'ticket_early' || reason === 'token_not_yet_valid';

/** How the request ended. */
export type FailureOutcome =
  'answered 503' | typeof PASSED | 'accepted without a replay check' | 'accepted without a revocation check';

/** One line for the operator: what failed, what to do, and the errors behind it by class, code and place. */
export function describeFailure(
  { reason, advice, cause }: DpopUnavailableError,
  place: Place,
  outcome: FailureOutcome = 'answered 503',
): string {
  const isThrown = cause !== undefined || (reason === 'internal_failure' && advice === undefined);
  return join([
    `${outcome}: ${reason}`,
    advice,
    ...(isThrown ? describeThrown(cause) : []),
    describePlace(place).trim(),
  ]);
}

/** One line for the operator: what the present options decide about a request, and what those under trial would. */
export function describeDifference(present: DpopOutcome, trial: DpopOutcome, place: Place): string {
  return `trial: ${describeOutcome(present)} now, ${describeOutcome(trial)} with the options under trial${describePlace(place)}`;
}

function describeOutcome({ outcome, code, reason, detail }: DpopOutcome): string {
  if (code === undefined) return outcome;
  return code === reason
    ? `${outcome} ${code}`
    : `${outcome} ${code} (${[reason, detail].filter(Boolean).join(': ')})`;
}

function describeClient(report: Reported | undefined): string | undefined {
  if (report?.clientId === undefined) return undefined;
  return `client ${report.clientId}${report.issuer === undefined ? '' : ` of ${report.issuer}`}`;
}

function describePlace({ method, route, handler }: Place): string {
  const request = [method, route].filter(Boolean).join(' ');
  if (handler === undefined || handler === '') return request === '' ? '' : ` on ${request}`;
  return request === '' ? ` on ${handler}` : ` on ${request} (${handler})`;
}

const join = (parts: readonly (string | undefined)[]): string => parts.filter(Boolean).join('; ');
