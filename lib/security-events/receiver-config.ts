import { hash } from 'node:crypto';
import {
  assertBoolean,
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

/** Those that a factory returns. */
export const OPTION_NAMES = ['transmitters', 'denyList', 'authorization', 'allowInsecureHttp', 'clock'];

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

/** @throws TypeError that names the module, the option and the accepted form */
export function parseReceiverOptions(options: unknown): ReceiverConfig {
  return inModule(() => parseOptions(options));
}

/** Several modules have options of the same names, such as `clock`. */
export function inModule<T>(parse: () => T): T {
  let fault: string;
  try {
    return parse();
  } catch (error) {
    fault = (error as Error).message;
  }
  // It is the same error under a longer name. As a cause, Nest would print it a second time.
  throw new TypeError(`SecurityEventsModule: ${fault}`);
}

function parseOptions(options: unknown): ReceiverConfig {
  assertObject(options, 'the options', 'an object with transmitters and denyList');
  if (options['path'] !== undefined) fail('path', 'given to forRootAsync itself, beside the factory');
  assertKnownNames(options, 'the object of options', OPTION_NAMES);
  const { denyList, allowInsecureHttp = false, clock = systemClock } = options;
  assertBoolean(allowInsecureHttp, 'allowInsecureHttp');
  assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch, such as Date.now', {
    value: clock,
  });
  const accepted =
    'the deny-list that is the option revocation of DpopModule, such as new MemoryDenyList({ … }) or the RedisDenyList of nestjs-dpop/redis';
  assertObject(denyList, 'denyList', accepted);
  if (typeof denyList['revoke'] !== 'function')
    fail('denyList', `${accepted}; this one has no method revoke`);
  return Object.freeze({
    transmitters: parseTransmitters(options['transmitters'], allowInsecureHttp),
    denyList: denyList as unknown as DenyList,
    authorizations: parseAuthorization(options['authorization']),
    clock: clock as Clock,
  });
}

function parseTransmitters(value: unknown, allowInsecureHttp: boolean): readonly TransmitterOptions[] {
  const form = 'an array of one or more transmitters: [{ issuer, audience }]';
  if (!Array.isArray(value)) fail('transmitters', `${form}; it is ${value === null ? 'null' : typeof value}`);
  if (value.length === 0) fail('transmitters', `${form}; it is empty`);
  const transmitters = value.map((item: unknown, at) =>
    parseTransmitter(item, `transmitters[${at}]`, allowInsecureHttp),
  );
  const issuers = transmitters.map(({ issuer }) => issuer);
  const repeated = issuers.find((issuer, at) => issuers.indexOf(issuer) !== at);
  if (repeated !== undefined) {
    fail('transmitters', 'a list with each issuer once; give the audiences of one issuer as an array', {
      value: repeated,
    });
  }
  return transmitters;
}

function parseTransmitter(value: unknown, option: string, allowInsecureHttp: boolean): TransmitterOptions {
  assertObject(value, option, 'an object, the options of a transmitter: { issuer, audience }');
  assertKnownNames(value, option, TRANSMITTER_NAMES);
  const { subjectIssuers, resolveSubject, ...issuerOptions } = value;
  const parsed = parseJwtAccessTokenOptions(issuerOptions, option, allowInsecureHttp);
  if (subjectIssuers !== undefined) {
    assertStrings(
      subjectIssuers,
      `${option}.subjectIssuers`,
      'an array of issuers of access tokens, each exactly as in iss',
    );
  }
  if (resolveSubject !== undefined) {
    const form = 'a function that returns the entries of the deny-list for a subject';
    assertFunction(resolveSubject, `${option}.resolveSubject`, form, { value: resolveSubject });
  }
  return Object.freeze({
    ...parsed,
    ...(subjectIssuers !== undefined && { subjectIssuers: Object.freeze([...subjectIssuers]) }),
    ...(resolveSubject !== undefined && { resolveSubject }),
  }) as TransmitterOptions;
}

/** The values are secrets: the error shows none, only how long it is. */
function parseAuthorization(value: unknown): readonly Uint8Array[] {
  if (value === undefined) return [];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const faults = values.length === 0 ? ['the array is empty'] : values.map(faultOf);
  const fault = faults.find((item) => item !== undefined);
  if (fault !== undefined) {
    fail(
      'authorization',
      `the value of the Authorization header that the transmitter sends, such as "Bearer …", or an array of them: printable ASCII without spaces around it, at least ${MIN_AUTHORIZATION_LENGTH} characters; ${fault}`,
    );
  }
  return values.map((item) => digestOf(item as string));
}

function faultOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return `a value is ${value === null ? 'null' : typeof value}`;
  if (value === '') return 'a value is empty: leave authorization out if the transmitter sends none';
  if (value.length < MIN_AUTHORIZATION_LENGTH) return `a value has ${value.length} characters`;
  if (/^[\x21-\x7e][\x20-\x7e]*[\x21-\x7e]$/.test(value)) return undefined;
  return 'a value has other characters, or spaces around it';
}

/** Digests have one length, so that they can be compared in constant time. */
export function digestOf(text: string): Uint8Array {
  return hash('sha256', text, 'buffer');
}
