import { STATUS_CODES } from 'node:http';
import { expect } from '@jest/globals';
import { REFUSALS } from '../../lib/errors/catalogue.js';
import type { DpopDecision, RefusalReason } from '../../lib/index.js';
import { type Challenge, parseChallenges } from '../support/challenges.js';
import { type RawResponse, valuesOf } from '../support/raw-request.js';
import { MARKER } from './baseline.js';
import { type Configuration, DEFAULT_ALGS } from './configurations.js';
import { encode, type Sent } from './draft.js';
import type { Refused, Unavailable } from './row.js';

/** D2, written down a second time: the tests do not ask the library which status a code has. */
const STATUS_OF_CODE: Readonly<Record<Refused['code'], number>> = {
  credentials_missing: 401,
  invalid_request: 400,
  invalid_token: 401,
  invalid_dpop_proof: 401,
  use_dpop_nonce: 401,
  invalid_ticket: 401,
  insufficient_scope: 403,
  insufficient_user_authentication: 401,
  insufficient_rights: 403,
  invalid_grant: 400,
};

/** The characters of §8.1, and no more than a few dozen of them (E3). */
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]{16,64}$/;

export function assertRefused(response: RawResponse, expected: Refused, configuration: Configuration): void {
  const { code, reason } = expected;
  const status = STATUS_OF_CODE[code];
  expect({ status: response.status, ...parseBody(response) }).toEqual({
    status,
    statusCode: status,
    error: STATUS_CODES[status],
    message: REFUSALS[reason][1],
    code,
  });
  expect(challengesOf(response)).toEqual(challengesFor(expected, configuration));
  expect(noncesOf(response)).toHaveLength(code === 'use_dpop_nonce' ? 1 : 0);
  if (status === 401) expect(valuesOf(response, 'cache-control')).toEqual(['no-store']);
  assertExposed(response, configuration);
}

/** K1: as the route answers without the guard, and one decision tells what would have been refused. */
export function assertReported(
  response: RawResponse | undefined,
  sent: Sent,
  decisions: readonly DpopDecision[],
  expected: Refused | Unavailable,
): void {
  if (response === undefined) throw new Error('no answer');
  // What POST is answered with, and all else.
  expect([200, 201]).toContain(response.status);
  expect(valuesOf(response, 'www-authenticate')).toStrictEqual([]);
  expect(valuesOf(response, 'retry-after')).toStrictEqual([]);
  const isDemand = expected.kind === 'refused' && expected.code === 'use_dpop_nonce';
  expect(noncesOf(response)).toHaveLength(isDemand ? 1 : 0);
  assertNothingReflected(response, sent);
  const outcome =
    expected.kind === 'refused'
      ? { outcome: 'refused', code: expected.code, reason: expect.any(String) as unknown }
      : { outcome: 'unavailable', code: 'temporarily_unavailable' };
  expect(decisions).toMatchObject([{ ...outcome, enforced: false }]);
  const [decision] = decisions;
  if (expected.kind === 'refused')
    expect(REFUSALS[decision?.reason as RefusalReason][1]).toBe(REFUSALS[expected.reason][1]);
  const secrets = [sent.token, sent.proof].filter((text) => text.length > 8);
  expect(secrets.filter((secret) => JSON.stringify(decisions).includes(secret))).toStrictEqual([]);
}

/** D8: closed, with a time to come back, and nothing that makes a client throw its token away. */
export function assertUnavailable(response: RawResponse): void {
  const { code, statusCode } = parseBody(response);
  expect({ status: response.status, statusCode, code }).toEqual({
    status: 503,
    statusCode: 503,
    code: 'temporarily_unavailable',
  });
  expect(valuesOf(response, 'www-authenticate')).toStrictEqual([]);
  expect(valuesOf(response, 'dpop-nonce')).toStrictEqual([]);
  expect(valuesOf(response, 'retry-after').map(Number)).toEqual([expect.any(Number)]);
  expect(Number(valuesOf(response, 'retry-after')[0])).toBeGreaterThan(0);
}

export function assertAccepted(
  response: RawResponse,
  freshNonce: boolean,
  configuration: Configuration,
): void {
  expect({ status: response.status, body: response.body }).toEqual({
    status: 200,
    body: expect.stringContaining('"ran"') as unknown,
  });
  expect(valuesOf(response, 'www-authenticate')).toStrictEqual([]);
  expect(noncesOf(response)).toHaveLength(freshNonce ? 1 : 0);
  if (!freshNonce) return;
  expect(valuesOf(response, 'cache-control')).toEqual(['no-store']);
  assertExposed(response, configuration);
}

/** D5: nothing that a client sent comes back, be it a text of its own, its token or its proof. */
export function assertNothingReflected(response: RawResponse, { token, proof }: Sent): void {
  const text = response.text.toLowerCase();
  const segments = [token, proof].flatMap((jws) => jws.split('.')).filter(({ length }) => length >= 16);
  const texts = [MARKER, encode(MARKER).slice(0, 12), ...segments];
  expect(texts.filter((sent) => text.includes(sent.toLowerCase()))).toStrictEqual([]);
}

/** All nonces of an answer; each must be one that any client can send back. */
export function noncesOf(response: RawResponse): readonly string[] {
  const nonces = valuesOf(response, 'dpop-nonce');
  for (const nonce of nonces) expect(nonce).toMatch(NONCE);
  return nonces;
}

function challengesOf(response: RawResponse): readonly Challenge[] {
  const values = valuesOf(response, 'www-authenticate');
  return values.length === 0 ? [] : parseChallenges(values.join(', '));
}

/** D1 to D4: the error in the challenge of the scheme that was used, in each of them when the request is unusable. */
function challengesFor(expected: Refused, configuration: Configuration): readonly Challenge[] {
  const { code, reason, used, parameters } = expected;
  // No other credentials would help.
  if (code === 'insufficient_rights') return [];
  const { offersBearer = false, algs = DEFAULT_ALGS, everywhere = {} } = configuration;
  const error = { error: code, error_description: REFUSALS[reason][1], ...parameters };
  const errorFor = (scheme: 'DPoP' | 'Bearer') => {
    if (code === 'credentials_missing') return {};
    const blamed = code === 'invalid_request' || used === scheme || !offersBearer;
    return blamed ? error : {};
  };
  const dpop = { scheme: 'DPoP', parameters: { ...everywhere, ...errorFor('DPoP'), algs } };
  const bearer = { scheme: 'Bearer', parameters: { ...everywhere, ...errorFor('Bearer') } };
  return offersBearer && code !== 'use_dpop_nonce' ? [bearer, dpop] : [dpop];
}

/** D7: scripts of other origins may read what they need. */
export function assertExposed(response: RawResponse, { exposes = [] }: Configuration): void {
  const names = valuesOf(response, 'access-control-expose-headers').join(',').toLowerCase().split(/ *, */);
  expect(names).toEqual(expect.arrayContaining(['dpop-nonce', 'www-authenticate', ...exposes]));
  expect(new Set(names).size).toBe(names.length);
}

function parseBody(response: RawResponse): Readonly<Record<string, unknown>> {
  expect(valuesOf(response, 'content-type').join()).toMatch(/^application\/json\b/);
  return JSON.parse(response.body) as Readonly<Record<string, unknown>>;
}
