import { DpopUnavailableError } from '../errors/dpop.error.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { SecurityEventError } from './security-event.error.js';
import type { SecurityEventToken } from './security-event-token.js';
import type { ReceivedSecurityEvent } from './security-events-options.js';
import { mapSubject } from './subject-identifiers.js';
import type { Transmitter } from './transmitter.js';

/** An event that revokes something. */
export interface RevokingEvent {
  readonly type: string;
  readonly meaning: 'session' | 'subject';
  readonly payload: JsonObject;
}

/** What an event revokes. */
export interface EventEntries {
  readonly subject: JsonObject;
  readonly entries: readonly RevocationEntry[];
  /** Whether the entries are those of `resolveSubject`, which may be none. */
  readonly isResolved: boolean;
}

/**
 * The entries of the deny-list for one event.
 *
 * @throws SecurityEventError for a malformed subject, or one that the transmitter may not revoke
 * @throws DpopUnavailableError when `resolveSubject` fails
 */
export async function entriesOf(
  { type, meaning, payload }: RevokingEvent,
  token: SecurityEventToken,
  transmitter: Transmitter,
): Promise<EventEntries> {
  // SSF 1.0 has the subject beside the events. Its drafts, and RISC, had it in each event.
  const subject = token.subject ?? payload['subject'];
  if (!isJsonObject(subject)) throw new SecurityEventError('subject');
  const issuedBefore = token.timeOf(payload);
  const event = { transmitter: transmitter.issuer, type, issuedBefore };
  const resolved = await resolveSubject(subject, event, transmitter);
  if (resolved !== undefined) return { subject, entries: resolved, isResolved: true };
  const context = { issuers: transmitter.subjectIssuers, meaning, issuedBefore };
  return { subject, entries: mapSubject(subject, context), isResolved: false };
}

async function resolveSubject(
  subject: JsonObject,
  event: ReceivedSecurityEvent,
  { resolveSubject: resolve, subjectIssuers }: Transmitter,
): Promise<readonly RevocationEntry[] | undefined> {
  if (resolve === undefined) return undefined;
  let entries: unknown;
  try {
    entries = await resolve(subject, event);
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
      throw unusable('returned an entry of an issuer that is not among subjectIssuers');
    }
    return withTime(entry, event.issuedBefore);
  });
}

/** Without a time, an entry would be about tokens that were issued after the event. */
function withTime(entry: JsonObject, issuedBefore: number): RevocationEntry {
  const isTimed = ['sub', 'clientId', 'jkt'].some((name) => entry[name] !== undefined);
  const timed = { ...entry, issuedBefore: entry['issuedBefore'] ?? issuedBefore };
  return (isTimed ? timed : entry) as unknown as RevocationEntry;
}

function unusable(what: string): DpopUnavailableError {
  return new DpopUnavailableError('internal_failure', { advice: `resolveSubject ${what}` });
}
