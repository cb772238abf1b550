import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { SecurityEventError } from './security-event.error.js';
import type { SecurityEventToken } from './security-event-token.js';
import type { ReceivedSecurityEvent } from './security-events-options.js';
import {
  describePart,
  mapIdentifier,
  partsOf,
  type SubjectContext,
  type SubjectPart,
} from './subject-identifiers.js';
import { type ResolutionRules, resolveEntries } from './subject-resolution.js';

/** An event that revokes something. */
export interface RevokingEvent {
  readonly type: string;
  readonly meaning: 'session' | 'subject';
  readonly payload: JsonObject;
}

/** Who sends the event, and what it may revoke. */
export interface EventRules extends ResolutionRules {
  readonly issuer: string;
}

/** What an event revokes. */
export interface EventEntries {
  readonly entries: readonly RevocationEntry[];
  /** The parts of the subject for which neither the receiver nor the app knows tokens, for the operator. */
  readonly unresolved: readonly string[];
}

type Found = readonly RevocationEntry[] | undefined;

/**
 * The entries of the deny-list for one event.
 *
 * @throws SecurityEventError for a malformed subject, or one that the transmitter may not revoke
 * @throws DpopUnavailableError when `resolveSubject` fails
 */
export async function entriesOf(
  { type, meaning, payload }: RevokingEvent,
  token: Pick<SecurityEventToken, 'subject' | 'timeOf'>,
  rules: EventRules,
): Promise<EventEntries> {
  // SSF 1.0 has the subject beside the events. Its drafts, and RISC, had it in each event.
  const subject = token.subject ?? payload['subject'];
  if (subject === undefined) throw new SecurityEventError('subject_missing', { about: type });
  if (!isJsonObject(subject)) throw new SecurityEventError('subject', { about: type });
  const issuedBefore = token.timeOf(payload);
  const event = { transmitter: rules.issuer, type, issuedBefore };
  const whole = await resolveEntries(subject, event, rules);
  if (whole !== undefined) return { entries: whole, unresolved: [] };
  const context = { type, issuers: rules.subjectIssuers, meaning, issuedBefore };
  const parts = partsOf(subject, context);
  const entries: RevocationEntry[] = [];
  const unresolved: string[] = [];
  for (const part of parts) {
    const found = await entriesOfPart(part, context, (identifier) => {
      // It has been asked about the whole subject.
      if (identifier === subject) return Promise.resolve(undefined);
      return resolveEntries(identifier, { ...event, part: nameOf(part) }, rules);
    });
    if (found === undefined) unresolved.push(describePart(part));
    else entries.push(...found);
  }
  if (parts.length === 0) {
    unresolved.push(`subject format: complex, without user${meaning === 'session' ? ' and session' : ''}`);
  }
  return { entries, unresolved };
}

/** One identifier that somebody knows is enough. */
async function entriesOfPart(
  { place, identifiers }: SubjectPart,
  context: SubjectContext,
  resolve: (identifier: JsonObject) => Promise<Found>,
): Promise<Found> {
  let all: Found;
  for (const identifier of identifiers) {
    // A session is asked about last: an app that resolves users alone would know none of its name.
    const mapped = mapIdentifier(identifier, place, context);
    const found =
      place === 'session' ? (mapped ?? (await resolve(identifier))) : ((await resolve(identifier)) ?? mapped);
    if (found !== undefined) all = [...(all ?? []), ...found];
  }
  return all;
}

function nameOf({ place, isAliases }: SubjectPart): NonNullable<ReceivedSecurityEvent['part']> {
  // The subject itself has been asked about as a whole.
  return isAliases ? 'identifiers' : (place as Exclude<typeof place, 'subject'>);
}
