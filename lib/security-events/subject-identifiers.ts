import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { SecurityEventError } from './security-event.error.js';

/** How a subject identifier is turned into entries of a deny-list. */
export interface SubjectContext {
  /** The URI of the event type, a known one. For the operator. */
  readonly type: string;
  /** The issuers of the access tokens that the transmitter may revoke. */
  readonly issuers: readonly string[];
  /** What an identifier without a hint names: a session, or a subject. */
  readonly meaning: 'session' | 'subject';
  /** When the event occurred, in seconds since the Unix epoch. */
  readonly issuedBefore: number;
}

/** Where an identifier stands: it is the whole subject, or a member of a complex one. */
export type SubjectPlace = 'subject' | 'user' | 'session';

/** A user, a session, or whatever the whole subject is: one thing with one or several identifiers. */
export interface SubjectPart {
  readonly place: SubjectPlace;
  readonly identifiers: readonly JsonObject[];
  readonly isAliases: boolean;
}

/** Each alias is an entry of the deny-list, which is bounded. */
const MAX_ALIASES = 20;

/** Formats of the registry, and of SSF 1.0. For the log, which shows nothing that was sent. */
const KNOWN_FORMATS: readonly string[] = [
  ...['account', 'aliases', 'complex', 'did', 'email', 'iss_sub', 'jwt_id', 'opaque', 'phone_number', 'uri'],
  ...['ip-addresses', 'saml_assertion_id'],
];

/**
 * What a subject is made of: itself, the identifiers of aliases, or the session and the user of a complex one. The tokens of
 * the user are revoked with those of the session, because access tokens without `sid` belong to no known session. What else
 * narrows the subject is left aside: rather too much is revoked than too little, and a client with a live session gets a
 * new token.
 *
 * @returns nothing for a complex subject with none of the parts that the event is about
 * @throws SecurityEventError for a malformed subject, and for aliases that are all of other issuers
 * @see RFC 9493 §3, SSF 1.0 §3
 */
export function partsOf(subject: JsonObject, context: SubjectContext): readonly SubjectPart[] {
  if (formatOf(subject, 'subject', context) !== 'complex') return [partOf(subject, 'subject', context)];
  const { user, session } = subject;
  const parts: SubjectPart[] = [];
  if (session !== undefined && context.meaning === 'session') {
    parts.push(single(objectIn(session, 'session', context), 'session'));
  }
  if (user !== undefined) parts.push(partOf(objectIn(user, 'user', context), 'user', context));
  return parts;
}

/**
 * The entries for an identifier; `undefined` for one that only the app can resolve, such as an email address.
 *
 * @throws SecurityEventError for a malformed identifier, and for the subject of an issuer that is none of the transmitter's
 */
export function mapIdentifier(
  identifier: JsonObject,
  place: SubjectPlace,
  context: SubjectContext,
): readonly RevocationEntry[] | undefined {
  const { issuers, meaning, issuedBefore } = context;
  const format = formatOf(identifier, place, context);
  const text = (name: string): string => textIn(identifier, name, place, context);
  const issuer = (): string => issuerIn(identifier, place, context);
  switch (format) {
    case 'opaque': {
      const id = text('id');
      if (place === 'session') return issuers.map((of) => ({ issuer: of, sid: id }));
      // CAEP names a session so, and other events a user. A session with the name of a user has its tokens revoked, too.
      const isSession = place === 'subject' && meaning === 'session';
      return issuers.flatMap((of): RevocationEntry[] => [
        ...(isSession ? [{ issuer: of, sid: id }] : []),
        { issuer: of, sub: id, issuedBefore },
      ]);
    }
    case 'iss_sub':
      if (place === 'session') return [{ issuer: issuer(), sid: text('sub') }];
      return [{ issuer: issuer(), sub: text('sub'), issuedBefore }];
    case 'jwt_id':
      return [{ issuer: issuer(), jti: text('jti') }];
  }
  return undefined;
}

/** Where a part stands and the formats of its identifiers, for the operator. */
export function describePart({ place, identifiers, isAliases }: SubjectPart): string {
  const formats = [...new Set(identifiers.map((identifier) => shownFormatOf(identifier)))].join(', ');
  return `${place} format: ${isAliases ? `aliases (${formats})` : formats}`;
}

function shownFormatOf(subject: JsonObject): string {
  const format = readFormat(subject);
  return KNOWN_FORMATS.find((known) => known === format) ?? 'not a known one';
}

/** Drafts had `subject_type` and hyphens, and left out the format of a complex subject. */
function readFormat(subject: JsonObject): string | undefined {
  const format = subject['format'] ?? subject['subject_type'];
  if (typeof format === 'string') return format === 'iss-sub' ? 'iss_sub' : format;
  const isComplex = isJsonObject(subject['user']) || isJsonObject(subject['session']);
  return format === undefined && isComplex ? 'complex' : undefined;
}

function formatOf(subject: JsonObject, place: SubjectPlace, context: SubjectContext): string {
  return readFormat(subject) ?? malformed(subject, place, context);
}

function single(identifier: JsonObject, place: SubjectPlace): SubjectPart {
  return { place, identifiers: [identifier], isAliases: false };
}

/** All identifiers of aliases name one subject. Those of other issuers are not the business of the transmitter. */
function partOf(subject: JsonObject, place: SubjectPlace, context: SubjectContext): SubjectPart {
  if (formatOf(subject, place, context) !== 'aliases') return single(subject, place);
  const { identifiers } = subject;
  const isList = Array.isArray(identifiers) && identifiers.length > 0 && identifiers.length <= MAX_ALIASES;
  if (!isList || !identifiers.every(isJsonObject)) return malformed(subject, place, context);
  const own = identifiers.filter((identifier) => !isForeign(identifier, context));
  if (own.length === 0) return foreign(subject, place, context);
  return { place, identifiers: own, isAliases: true };
}

function isForeign({ iss }: JsonObject, { issuers }: SubjectContext): boolean {
  return typeof iss === 'string' && !issuers.includes(iss);
}

function issuerIn(subject: JsonObject, place: SubjectPlace, context: SubjectContext): string {
  const issuer = textIn(subject, 'iss', place, context);
  return isForeign(subject, context) ? foreign(subject, place, context) : issuer;
}

function textIn(subject: JsonObject, name: string, place: SubjectPlace, context: SubjectContext): string {
  const value = subject[name];
  return typeof value === 'string' && value !== '' ? value : malformed(subject, place, context);
}

function objectIn(value: unknown, place: SubjectPlace, context: SubjectContext): JsonObject {
  return isJsonObject(value) ? value : malformed({}, place, context);
}

function malformed(subject: JsonObject, place: SubjectPlace, { type }: SubjectContext): never {
  throw new SecurityEventError('subject', { about: `${type}; ${describePart(single(subject, place))}` });
}

function foreign(subject: JsonObject, place: SubjectPlace, { type, issuers }: SubjectContext): never {
  throw new SecurityEventError('foreign_subject', {
    about: `${type}; ${describePart(single(subject, place))}`,
    expected: issuers,
    advice: 'subjectIssuers of the transmitter says whose tokens it may revoke',
  });
}
