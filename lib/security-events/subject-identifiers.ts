import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { SecurityEventError } from './security-event.error.js';

/** How a subject identifier is turned into entries of a deny-list. */
export interface SubjectContext {
  /** The issuers of the access tokens that the transmitter may revoke. */
  readonly issuers: readonly string[];
  /** What an identifier without a hint names: a session, or a subject. */
  readonly meaning: 'session' | 'subject';
  /** When the event occurred, in seconds since the Unix epoch. */
  readonly issuedBefore: number;
}

type Mapper = (subject: JsonObject, context: SubjectContext) => readonly RevocationEntry[];

/** Each alias is an entry of the deny-list, which is bounded. */
const MAX_ALIASES = 20;

/** RFC 9493 §3.2, and the formats of SSF 1.0 that name tokens. */
const SIMPLE: ReadonlyMap<string, Mapper> = new Map<string, Mapper>([
  [
    'iss_sub',
    (subject, context) => [
      { issuer: issuerIn(subject, context), sub: textIn(subject, 'sub'), issuedBefore: context.issuedBefore },
    ],
  ],
  ['opaque', mapOpaque],
  ['jwt_id', (subject, context) => [{ issuer: issuerIn(subject, context), jti: textIn(subject, 'jti') }]],
]);

const FORMATS: ReadonlyMap<string, Mapper> = new Map<string, Mapper>([
  ...SIMPLE,
  ['aliases', mapAliases],
  ['complex', mapComplex],
]);

/** Formats of the registry that name no token. For the log, which shows nothing that was sent. */
const OTHER_FORMATS: ReadonlySet<string> = new Set([
  'account',
  'did',
  'email',
  'phone_number',
  'uri',
  'ip-addresses',
]);

/**
 * The entries for a subject identifier; none for one that only the app can resolve, such as an email address.
 *
 * @throws SecurityEventError for a malformed identifier, and for the subject of an issuer that is none of the transmitter's
 * @see RFC 9493 §3, SSF 1.0 §3
 */
export function mapSubject(subject: JsonObject, context: SubjectContext): readonly RevocationEntry[] {
  return FORMATS.get(formatOf(subject))?.(subject, context) ?? [];
}

/** The format of a subject identifier, if it is a known one. */
export function knownFormatOf(subject: JsonObject): string | undefined {
  const format = formatOf(subject);
  return FORMATS.has(format) || OTHER_FORMATS.has(format) ? format : undefined;
}

/** Drafts had `subject_type` and hyphens, and left out the format of a complex subject. */
function formatOf(subject: JsonObject): string {
  const format = subject['format'] ?? subject['subject_type'];
  if (typeof format === 'string') return format === 'iss-sub' ? 'iss_sub' : format;
  if (format === undefined && (isJsonObject(subject['user']) || isJsonObject(subject['session']))) {
    return 'complex';
  }
  throw new SecurityEventError('subject');
}

function mapSimple(subject: unknown, context: SubjectContext): readonly RevocationEntry[] {
  if (!isJsonObject(subject)) throw new SecurityEventError('subject');
  return SIMPLE.get(formatOf(subject))?.(subject, context) ?? [];
}

/** CAEP names a session so, and other events a user. A session that has the name of a user has its tokens revoked, too. */
function mapOpaque(
  subject: JsonObject,
  { issuers, meaning, issuedBefore }: SubjectContext,
): RevocationEntry[] {
  const id = textIn(subject, 'id');
  return issuers.flatMap((issuer): RevocationEntry[] => [
    ...(meaning === 'session' ? [{ issuer, sid: id }] : []),
    { issuer, sub: id, issuedBefore },
  ]);
}

/** All identifiers name one subject. Those of other issuers are not the business of the transmitter. */
function mapAliases({ identifiers }: JsonObject, context: SubjectContext): readonly RevocationEntry[] {
  const isList = Array.isArray(identifiers) && identifiers.length > 0 && identifiers.length <= MAX_ALIASES;
  if (!isList || !identifiers.every(isJsonObject)) throw new SecurityEventError('subject');
  const own = identifiers.filter((identifier) => !isForeign(identifier, context));
  if (own.length === 0) throw new SecurityEventError('foreign_subject');
  return own.flatMap((identifier) => mapSimple(identifier, context));
}

/**
 * The session and the user of a complex subject. The tokens of the user are revoked with those of the session, because
 * access tokens without `sid` belong to no known session. What else narrows the subject is left aside: rather too much is
 * revoked than too little, and a client with a live session gets a new token.
 */
function mapComplex(subject: JsonObject, context: SubjectContext): readonly RevocationEntry[] {
  const { user, session } = subject;
  const ofUser = user === undefined ? [] : mapPart(user, { ...context, meaning: 'subject' });
  if (context.meaning === 'subject' || session === undefined) return ofUser;
  return [...mapSession(session, context), ...ofUser];
}

function mapPart(part: unknown, context: SubjectContext): readonly RevocationEntry[] {
  return isJsonObject(part) && formatOf(part) === 'aliases'
    ? mapAliases(part, context)
    : mapSimple(part, context);
}

/** The identifier of a session, whether or not it names its issuer. */
function mapSession(session: unknown, context: SubjectContext): readonly RevocationEntry[] {
  if (!isJsonObject(session)) throw new SecurityEventError('subject');
  const format = formatOf(session);
  if (format === 'opaque') {
    const sid = textIn(session, 'id');
    return context.issuers.map((issuer) => ({ issuer, sid }));
  }
  if (format !== 'iss_sub') return [];
  return [{ issuer: issuerIn(session, context), sid: textIn(session, 'sub') }];
}

function isForeign(subject: JsonObject, { issuers }: SubjectContext): boolean {
  const { iss } = subject;
  return typeof iss === 'string' && !issuers.includes(iss);
}

function issuerIn(subject: JsonObject, context: SubjectContext): string {
  const issuer = textIn(subject, 'iss');
  if (isForeign(subject, context)) throw new SecurityEventError('foreign_subject');
  return issuer;
}

function textIn(subject: JsonObject, name: string): string {
  const value = subject[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new SecurityEventError('subject');
}
