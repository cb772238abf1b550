import { hash } from 'node:crypto';
import {
  assertFunction,
  assertKnownNames,
  assertObject,
  assertStrings,
  fail,
} from '../errors/option-asserts.js';
import { parseJwtAccessTokenOptions } from '../issuer/issuer-option-parser.js';
import type { DenyList } from '../revocation/deny-list.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import type { TransmitterOptions } from './security-events-options.js';

/** The asserted options of the receiver. Frozen. */
export interface ReceiverConfig {
  readonly transmitters: readonly TransmitterOptions[];
  readonly denyList: DenyList;
  /** SHA-256 of each accepted value of `Authorization`; none if the header is not looked at. */
  readonly authorizations: readonly Uint8Array[];
  readonly clock: Clock;
}

/** The injection token of `ReceiverConfig`. */
export const RECEIVER_CONFIG = Symbol('SECURITY_EVENTS_CONFIG');

const NAME = 'SecurityEventsModule options';
const TRANSMITTER_NAMES: readonly (keyof TransmitterOptions)[] = [
  'issuer',
  'audience',
  'jwksUri',
  'keys',
  'algorithms',
  'clockToleranceSeconds',
  'keysMaxAgeSeconds',
  'keysCooldownSeconds',
  'fetchTimeoutMs',
  'allowInsecureJwksUri',
  'fetch',
  'subjectIssuers',
  'resolveSubject',
];
const MIN_AUTHORIZATION_LENGTH = 16;

/** @throws TypeError that names the option and the accepted form */
export function parseReceiverOptions(options: unknown): ReceiverConfig {
  assertObject(options, NAME, 'an object with transmitters and denyList');
  assertKnownNames(options, NAME, ['transmitters', 'denyList', 'authorization', 'clock']);
  const { denyList, clock = systemClock } = options;
  assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch, such as Date.now');
  const accepted = 'a deny-list, such as new MemoryDenyList({ … }) or the RedisDenyList of nestjs-dpop/redis';
  assertObject(denyList, 'denyList', `${accepted}; the one that is the option revocation of DpopModule`);
  if (typeof denyList['revoke'] !== 'function')
    fail('denyList', `${accepted}; this one has no method revoke`);
  return Object.freeze({
    transmitters: parseTransmitters(options['transmitters']),
    denyList: denyList as unknown as DenyList,
    authorizations: parseAuthorization(options['authorization']),
    clock: clock as Clock,
  });
}

/** A path of fixed segments. Nest would read anything else as a pattern. */
export function parsePath(path: unknown): string {
  const form = 'a path of fixed segments, such as "security-events"';
  if (typeof path !== 'string' || !/^\/?[\w.~-]+(?:\/[\w.~-]+)*$/.test(path))
    fail('path', form, { value: path });
  return path;
}

function parseTransmitters(value: unknown): readonly TransmitterOptions[] {
  if (!Array.isArray(value) || value.length === 0) {
    fail('transmitters', 'an array of one or more transmitters: [{ issuer, audience }]');
  }
  const transmitters = value.map((item: unknown, at) => parseTransmitter(item, `transmitters[${at}]`));
  const issuers = transmitters.map(({ issuer }) => issuer);
  const repeated = issuers.find((issuer, at) => issuers.indexOf(issuer) !== at);
  if (repeated !== undefined) {
    fail('transmitters', 'a list with each issuer once; give the audiences of one issuer as an array', {
      value: repeated,
    });
  }
  return transmitters;
}

function parseTransmitter(value: unknown, option: string): TransmitterOptions {
  assertObject(value, option, 'an object, the options of a transmitter: { issuer, audience }');
  assertKnownNames(value, option, TRANSMITTER_NAMES);
  const { subjectIssuers, resolveSubject, ...issuerOptions } = value;
  const parsed = parseJwtAccessTokenOptions(issuerOptions, option, false);
  if (subjectIssuers !== undefined) {
    assertStrings(
      subjectIssuers,
      `${option}.subjectIssuers`,
      'an array of issuers of access tokens, each exactly as in iss',
    );
  }
  if (resolveSubject !== undefined) {
    const form = 'a function that returns the entries of the deny-list for a subject';
    assertFunction(resolveSubject, `${option}.resolveSubject`, form);
  }
  return Object.freeze({
    ...parsed,
    ...(subjectIssuers !== undefined && { subjectIssuers: Object.freeze([...subjectIssuers]) }),
    ...(resolveSubject !== undefined && { resolveSubject }),
  }) as TransmitterOptions;
}

/** The values are secrets: the error shows none. */
function parseAuthorization(value: unknown): readonly Uint8Array[] {
  if (value === undefined) return [];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isGood = (item: unknown): item is string =>
    typeof item === 'string' && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(item);
  if (
    values.length === 0 ||
    !values.every((item) => isGood(item) && item.length >= MIN_AUTHORIZATION_LENGTH)
  ) {
    fail(
      'authorization',
      `the value of the Authorization header that the transmitter sends, such as "Bearer …", or an array of them: printable ASCII, at least ${MIN_AUTHORIZATION_LENGTH} characters`,
    );
  }
  return values.map((item) => digestOf(item as string));
}

/** Digests have one length, so that they can be compared in constant time. */
export function digestOf(text: string): Uint8Array {
  return hash('sha256', text, 'buffer');
}
