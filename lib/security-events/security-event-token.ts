import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { meaningOf } from './event-types.js';
import { SecurityEventError, type SecurityEventRefusal } from './security-event.error.js';

/** The claims of a Security Event Token, asserted. */
export interface SecurityEventToken {
  readonly jti: string;
  readonly iat: number;
  /** The subject of all events; `undefined` where each event has its own. */
  readonly subject: unknown;
  /** The payload of each event by the URI of its type. */
  readonly events: ReadonlyMap<string, JsonObject>;
  /** When the event with this payload occurred, in seconds since the Unix epoch. */
  timeOf(event: JsonObject): number;
}

/** What the claims are held against. */
export interface SecurityEventRules {
  readonly audiences: readonly string[];
  readonly toleranceSeconds: number;
  readonly nowSeconds: number;
}

/**
 * Asserts the claims of a Security Event Token whose issuer and signature are verified.
 *
 * @throws SecurityEventError
 * @see RFC 8417 §2.2, RFC 7519 §4.1
 */
export function parseSecurityEventToken(claims: JsonObject, rules: SecurityEventRules): SecurityEventToken {
  const { aud, jti, iat, exp, nbf, toe, events } = claims;
  const { audiences, toleranceSeconds, nowSeconds } = rules;
  const latest = nowSeconds + toleranceSeconds;
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((audience) => named.includes(audience)))
    throw new SecurityEventError('audience', { expected: audiences });
  if (typeof jti !== 'string' || jti === '') refuse('jti');
  if (!isTime(iat)) refuse('iat');
  if (iat > latest) refuse('iat', iat - latest);
  // §2.2 discourages exp, because an event stays true. A transmitter that sets it means it.
  if (exp !== undefined && !isTime(exp)) refuse('exp');
  if (isTime(exp) && exp + toleranceSeconds <= nowSeconds) refuse('exp', nowSeconds - exp - toleranceSeconds);
  if (nbf !== undefined && !isTime(nbf)) refuse('nbf');
  if (isTime(nbf) && nbf > latest) refuse('nbf', nbf - latest);
  return {
    jti,
    iat,
    subject: claims['sub_id'],
    events: parseEvents(events),
    timeOf: (event) =>
      [event['event_timestamp'], toe].map(toSeconds).find((time) => time !== undefined && time <= latest) ??
      iat,
  };
}

/** @param overSeconds by how much a time misses its limit */
function refuse(reason: SecurityEventRefusal, overSeconds?: number): never {
  const details = overSeconds === undefined ? {} : { offBySeconds: Math.max(1, Math.ceil(overSeconds)) };
  throw new SecurityEventError(reason, details);
}

const URI = /^[a-z][a-z\d+.-]*:[\x21-\x7e]+$/i;

function parseEvents(events: unknown): ReadonlyMap<string, JsonObject> {
  if (events === undefined) refuse('events_missing');
  if (!isJsonObject(events)) refuse('events');
  const entries = Object.entries(events);
  if (entries.length === 0) refuse('events_missing');
  return new Map(
    entries.map(([type, event]) => {
      if (!URI.test(type)) refuse('events');
      if (!isJsonObject(event)) {
        // A type that is not known was chosen by the sender.
        const isKnown = meaningOf(type) !== undefined;
        throw new SecurityEventError('events', isKnown ? { about: type } : {});
      }
      return [type, event];
    }),
  );
}

/** JSON allows `1e400`, which is parsed as Infinity. */
const isTime = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;

/** No time in seconds is as large before the year 5138. Drafts of CAEP had milliseconds. */
const FIRST_IN_MILLISECONDS = 1e11;

function toSeconds(time: unknown): number | undefined {
  if (!isTime(time)) return undefined;
  return time >= FIRST_IN_MILLISECONDS ? time / 1000 : time;
}
