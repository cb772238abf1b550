import { describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { toOutcome } from './differences.js';
import { describeDifference, describeFailure, describeRefusal, PASSED } from './explanations.js';

const PLACE = { method: 'GET', route: '/accounts/:id', handler: 'AccountsController.get' };
const WHERE = ' on GET /accounts/:id (AccountsController.get)';

describe('the line of a refusal (D9)', () => {
  test('has code, reason, detail, place, sentence, and what was expected', () => {
    const error = new DpopError('proof_stale', { detail: 'iat', offBySeconds: 12, expected: ['a', 'b'] });
    expect(describeRefusal(error, PLACE)).toBe(
      `refused: invalid_dpop_proof (proof_stale: iat)${WHERE}; The DPoP proof is too old; 12 s too late; expected: a or b`,
    );
  });

  test('names a reason that is the code once', () => {
    expect(describeRefusal(new DpopError('credentials_missing'), PLACE)).toBe(
      `refused: credentials_missing${WHERE}; A DPoP-bound access token is required`,
    );
  });

  test('has the requirements of the route', () => {
    const scopes = new DpopError('scope_insufficient', { scopes: ['a', 'b'] });
    expect(describeRefusal(scopes, PLACE)).toBe(
      `refused: insufficient_scope (scope_insufficient)${WHERE}; The access token lacks a required scope; required scopes: a b`,
    );
    const user = new DpopError('authentication_insufficient', {
      acrValues: ['phr', 'phrh'],
      maxAgeSeconds: 300,
    });
    expect(describeRefusal(user, PLACE)).toBe(
      `refused: insufficient_user_authentication (authentication_insufficient)${WHERE}; A stronger or more recent user authentication is required; accepted acr: phr or phrh; auth_time at most 300 s ago`,
    );
  });

  test('has one of several scopes under what was expected, and rights as they are required and missing', () => {
    const anyScope = new DpopError('scope_insufficient', { scopes: ['a', 'b'], expected: ['a', 'b'] });
    expect(describeRefusal(anyScope, {}).split('; ').slice(2)).toEqual(['expected: a or b']);
    const rights = new DpopError('role_insufficient', { required: ['r', 's'], missing: ['s', 't'] });
    expect(describeRefusal(rights, {}).split('; ').slice(2)).toEqual(['required: r, s', 'missing: s, t']);
  });

  test('of a request that was only reported says so, and whose it was, as far as that is known (K1)', () => {
    const error = new DpopError('token_expired');
    const line = "let through by enforcement: 'report', would be refused: invalid_token (token_expired)";
    expect(describeRefusal(error, PLACE, {})).toBe(`${line}${WHERE}; The access token has expired`);
    expect(describeRefusal(error, {}, { clientId: 'c' })).toBe(
      `${line}; client c; The access token has expired`,
    );
    expect(describeRefusal(error, {}, { clientId: 'c', issuer: 'https://i.test' })).toBe(
      `${line}; client c of https://i.test; The access token has expired`,
    );
    expect(describeRefusal(error, {}, { issuer: 'https://i.test' })).toBe(
      `${line}; The access token has expired`,
    );
  });

  test.each([
    ['ticket_early', 'early'],
    ['proof_early', 'early'],
    ['token_not_yet_valid', 'early'],
    ['proof_stale', 'late'],
    ['token_expired', 'late'],
  ] as const)('of %s says too %s', (reason, word) => {
    expect(describeRefusal(new DpopError(reason, { offBySeconds: 1 }), PLACE)).toMatch(
      new RegExp(`; 1 s too ${word}$`),
    );
  });

  test.each([
    ['origin', 'expected origin: https://a.test or https://b.test'],
    ['path', 'expected: https://a.test or https://b.test with the path of the request'],
    ['htu', 'expected: https://a.test or https://b.test'],
  ] as const)('of another %s says what of them was expected', (detail, words) => {
    const error = new DpopError('proof_htu', { detail, expected: ['https://a.test', 'https://b.test'] });
    expect(describeRefusal(error, PLACE).split('; ').at(-1)).toBe(words);
  });

  test.each([
    [{}, ''],
    [{ method: 'GET' }, ' on GET'],
    [{ route: '/a' }, ' on /a'],
    [{ method: 'GET', route: '/a' }, ' on GET /a'],
    [{ method: 'GET', route: '/a', handler: '' }, ' on GET /a'],
    [{ handler: '' }, ''],
    [{ handler: 'A.b' }, ' on A.b'],
    [{ method: 'POST', handler: 'A.b' }, ' on POST (A.b)'],
  ])('has of the place %j what is known', (place, where) => {
    expect(describeRefusal(new DpopError('token_expired'), place)).toBe(
      `refused: invalid_token (token_expired)${where}; The access token has expired`,
    );
  });
});

describe('the line of a failure (D9)', () => {
  test('has reason, advice, the errors behind it, and the place', () => {
    const cause = new RangeError('quoted', { cause: 'text' });
    const error = new DpopUnavailableError('issuer_unavailable', { advice: 'start the issuer', cause });
    expect(describeFailure(error, PLACE)).toMatch(
      /^answered 503: issuer_unavailable; start the issuer; RangeError at \S+; string thrown, not an error; on GET \/accounts\/:id \(AccountsController\.get\)$/,
    );
  });

  test('without a cause has none', () => {
    expect(describeFailure(new DpopUnavailableError('replay_store_full'), {})).toBe(
      'answered 503: replay_store_full',
    );
    expect(describeFailure(new DpopUnavailableError('internal_failure', { advice: 'a' }), {})).toBe(
      'answered 503: internal_failure; a',
    );
  });

  test('says so if undefined was thrown', () => {
    expect(describeFailure(new DpopUnavailableError('internal_failure'), {})).toBe(
      'answered 503: internal_failure; undefined thrown, not an error',
    );
  });

  test('tells a request that was accepted from one that was not', () => {
    const error = new DpopUnavailableError('replay_store_unavailable');
    expect(describeFailure(error, PLACE, 'accepted without a replay check')).toBe(
      'accepted without a replay check: replay_store_unavailable; on GET /accounts/:id (AccountsController.get)',
    );
  });
});

test('a failure of the service in report mode has answered nothing (K1)', () => {
  expect(describeFailure(new DpopUnavailableError('replay_store_full'), {}, PASSED)).toBe(
    "let through by enforcement: 'report', would be answered 503: replay_store_full",
  );
});

describe('the line of a difference (K1)', () => {
  const accepted = toOutcome(undefined);

  test('has what is decided now, what would be, and where', () => {
    const kid = toOutcome(new DpopError('token_invalid', { detail: 'kid' }));
    expect(describeDifference(accepted, kid, PLACE)).toBe(
      `trial: accepted now, refused invalid_token (token_invalid: kid) with the options under trial${WHERE}`,
    );
  });

  test('names a reason that is the code once, and has no detail where there is none', () => {
    const missing = toOutcome(new DpopError('credentials_missing'));
    const expired = toOutcome(new DpopError('token_expired'));
    expect(describeDifference(missing, expired, {})).toBe(
      'trial: refused credentials_missing now, refused invalid_token (token_expired) with the options under trial',
    );
    const failed = toOutcome(new DpopUnavailableError('internal_failure'));
    expect(describeDifference(failed, accepted, {})).toBe(
      'trial: unavailable temporarily_unavailable (internal_failure) now, accepted with the options under trial',
    );
  });
});
