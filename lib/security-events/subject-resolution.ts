import { DpopUnavailableError } from '../errors/dpop.error.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { createDenyRecord, KINDS } from '../revocation/deny-record.js';
import type { ReceivedSecurityEvent, SubjectResolver } from './security-events-options.js';

const TIMED = ['sub', 'clientId', 'jkt'];
const MEMBERS: readonly string[] = [...KINDS, 'issuer', 'issuedBefore'];

/** What the entries of a resolver are held against. */
export interface ResolutionRules {
  readonly resolveSubject: SubjectResolver | undefined;
  readonly subjectIssuers: readonly string[];
  readonly nowSeconds: number;
}

/**
 * Asks `resolveSubject` for the entries of a subject.
 *
 * @returns `undefined` if there is no resolver, or it leaves the subject to the receiver
 * @throws DpopUnavailableError when it fails, and for what is no list of entries
 */
export async function resolveEntries(
  subject: JsonObject,
  event: ReceivedSecurityEvent,
  { resolveSubject, subjectIssuers, nowSeconds }: ResolutionRules,
): Promise<readonly RevocationEntry[] | undefined> {
  if (resolveSubject === undefined) return undefined;
  let entries: unknown;
  try {
    entries = await resolveSubject(subject, event);
  } catch (cause) {
    throw new DpopUnavailableError('internal_failure', { advice: 'resolveSubject failed', cause });
  }
  if (entries === undefined) return undefined;
  if (!Array.isArray(entries)) throw unusable('must return an array of entries, or undefined');
  return entries.map((entry: unknown) => {
    if (!isJsonObject(entry)) throw unusable('returned an entry that is not an object');
    const { issuer } = entry;
    // The app looks up a name that the transmitter chose: one of another tenant must not be found.
    if (issuer !== undefined && !subjectIssuers.includes(issuer as string)) {
      throw unusable(
        `returned an entry of an issuer that is not among subjectIssuers: ${subjectIssuers.join(', ')}`,
      );
    }
    const timed = withTime(entry, event.issuedBefore);
    assertEntry(timed, nowSeconds);
    return timed;
  });
}

/** Without a time, an entry would be about tokens that were issued after the event. */
function withTime(entry: JsonObject, issuedBefore: number): RevocationEntry {
  const isTimed = TIMED.some((name) => entry[name] !== undefined);
  const timed = { ...entry, issuedBefore: entry['issuedBefore'] ?? issuedBefore };
  return (isTimed ? timed : entry) as unknown as RevocationEntry;
}

/** The deny-list would not take it either, and then the operator would look there. */
function assertEntry(entry: RevocationEntry, nowSeconds: number): void {
  const isKnown = Object.entries(entry).every(
    ([name, value]) => value === undefined || MEMBERS.includes(name),
  );
  // Not by its name: an app may have copied it from the subject.
  if (!isKnown) throw unusable(`returned an entry with another member than ${MEMBERS.join(', ')}`);
  try {
    // The lifetime of tokens has no part in the form of an entry.
    createDenyRecord(entry, nowSeconds, 1);
  } catch (error) {
    throw unusable(`returned an entry that no deny-list takes: ${(error as Error).message}`);
  }
}

function unusable(what: string): DpopUnavailableError {
  return new DpopUnavailableError('internal_failure', { advice: `resolveSubject ${what}` });
}
