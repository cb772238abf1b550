import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createAuthorizationServerConfig } from '../config/authorization-server-config.js';
import { DpopOAuthException } from '../guard/dpop-oauth.exception.js';
import { DpopBindings } from './dpop-bindings.js';
import type { BindingClient, TokenRequestKeys } from './token-binding.js';

const bindings = new DpopBindings(createAuthorizationServerConfig({ issuer: 'https://auth.example.com' }));
const KEY = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';
const OTHER = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
const publicClient: BindingClient = { type: 'public' };
const confidential: BindingClient = { type: 'confidential' };

beforeAll(() => Logger.overrideLogger(false));
afterAll(() => Logger.overrideLogger(['log', 'warn', 'error', 'debug', 'verbose', 'fatal']));

/** The status, the body and the reason of a refusal. */
function refusalOf(act: () => unknown): object {
  try {
    act();
  } catch (error) {
    if (!(error instanceof DpopOAuthException)) throw error;
    const { error: code } = error.getResponse() as { readonly error: string };
    return { status: error.getStatus(), code, reason: (error.cause as { reason: string }).reason };
  }
  throw new Error('it was not refused');
}

const refusal = (code: string, reason: string, status = 400): object => ({ status, code, reason });
const tokenRequest = (keys: TokenRequestKeys) => () => bindings.ofTokenRequest(keys);

describe('the key of an authorization request', () => {
  test('is that of dpop_jkt, or of the proof of a pushed request, or of both if they agree (G4)', () => {
    expect(bindings.ofAuthorizationRequest({ dpopJkt: undefined })).toBeUndefined();
    expect(bindings.ofAuthorizationRequest({ dpopJkt: KEY })).toBe(KEY);
    expect(bindings.ofAuthorizationRequest({ dpopJkt: undefined, jkt: KEY })).toBe(KEY);
    expect(bindings.ofAuthorizationRequest({ dpopJkt: KEY, jkt: KEY })).toBe(KEY);
  });

  test('is refused if parameter and proof disagree (G4)', () => {
    expect(refusalOf(() => bindings.ofAuthorizationRequest({ dpopJkt: OTHER, jkt: KEY }))).toEqual(
      refusal('invalid_request', 'dpop_jkt_mismatch'),
    );
  });

  test.each<[string, unknown]>([
    ['empty', ''],
    ['sent twice', [KEY, KEY]],
    ['an object', { [KEY]: '' }],
    ['with padding', `${KEY}=`],
    ['in base64', `${KEY.slice(0, -1)}+`],
    ['too short', KEY.slice(1)],
    ['too long', `${KEY}A`],
    ['with a line feed', `${KEY}\n`],
    ['a URN', `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${KEY}`],
  ])('is refused if dpop_jkt is %s (G4)', (_what, dpopJkt) => {
    for (const jkt of [undefined, KEY]) {
      expect(refusalOf(() => bindings.ofAuthorizationRequest({ dpopJkt, jkt }))).toEqual(
        refusal('invalid_request', 'dpop_jkt_malformed'),
      );
    }
  });
});

describe('the tokens of a request', () => {
  test('are bound to the key of the proof, refresh tokens for public clients only (G4)', () => {
    const bound = { jkt: KEY, tokenType: 'DPoP', confirmation: { cnf: { jkt: KEY } } };
    expect(bindings.ofTokenRequest({ jkt: KEY, client: publicClient })).toEqual({
      ...bound,
      refreshTokenJkt: KEY,
    });
    expect(bindings.ofTokenRequest({ jkt: KEY, client: confidential })).toEqual({
      ...bound,
      refreshTokenJkt: undefined,
    });
  });

  test('are Bearer tokens without a proof, if nothing is bound (G4)', () => {
    for (const client of [publicClient, confidential]) {
      expect(bindings.ofTokenRequest({ jkt: undefined, client })).toEqual({
        jkt: undefined,
        tokenType: 'Bearer',
        confirmation: {},
        refreshTokenJkt: undefined,
      });
    }
  });

  test('are frozen', () => {
    const binding = bindings.ofTokenRequest({ jkt: KEY, client: publicClient });
    expect(Object.isFrozen(binding)).toBe(true);
    expect(Object.isFrozen(binding.confirmation)).toBe(true);
    expect(Object.isFrozen(binding.confirmation.cnf)).toBe(true);
  });

  test('need the key of the grant, of public and of confidential clients (G4)', () => {
    for (const client of [publicClient, confidential]) {
      expect(bindings.ofTokenRequest({ jkt: KEY, client, grantJkt: KEY }).jkt).toBe(KEY);
      expect(refusalOf(tokenRequest({ jkt: OTHER, client, grantJkt: KEY }))).toEqual(
        refusal('invalid_grant', 'grant_key_binding'),
      );
      expect(refusalOf(tokenRequest({ jkt: undefined, client, grantJkt: KEY }))).toEqual(
        refusal('invalid_dpop_proof', 'proof_missing'),
      );
    }
  });

  test('a refresh token without a key is bound when it is used with a proof (G4)', () => {
    expect(
      bindings.ofTokenRequest({ jkt: KEY, client: publicClient, grantJkt: undefined }).refreshTokenJkt,
    ).toBe(KEY);
  });

  test('a client with dpop_bound_access_tokens gets no Bearer token (G4)', () => {
    for (const client of [publicClient, confidential]) {
      const bound = { ...client, dpopBoundAccessTokens: true };
      expect(refusalOf(tokenRequest({ jkt: undefined, client: bound }))).toEqual(
        refusal('invalid_dpop_proof', 'proof_missing'),
      );
      expect(bindings.ofTokenRequest({ jkt: KEY, client: bound }).tokenType).toBe('DPoP');
    }
  });

  test.each<[string, unknown]>([
    ['no type', {}],
    ['an unknown type', { type: 'native' }],
    ['a type in another case', { type: 'Confidential' }],
    ['a text for dpopBoundAccessTokens', { type: 'public', dpopBoundAccessTokens: 'true' }],
    ['undefined instead of it', undefined],
    ['null instead of it', null],
    ['a text instead of it', 'public'],
  ])('a client record with %s is a failure, not an unbound token (G4)', (_what, client) => {
    expect(refusalOf(tokenRequest({ jkt: KEY, client: client as BindingClient }))).toEqual(
      refusal('temporarily_unavailable', 'internal_failure', 503),
    );
  });
});

describe('values from a database (G4)', () => {
  test('null is none, as undefined is', () => {
    expect(bindings.ofAuthorizationRequest({ dpopJkt: null, jkt: null })).toBeUndefined();
    expect(bindings.ofAuthorizationRequest({ dpopJkt: null, jkt: KEY })).toBe(KEY);
    const none = { jkt: null, grantJkt: null, subjectToken: null };
    const client: BindingClient = { type: 'public', dpopBoundAccessTokens: null };
    const bearer = { jkt: undefined, tokenType: 'Bearer', confirmation: {}, refreshTokenJkt: undefined };
    expect(bindings.ofTokenRequest({ ...none, client })).toEqual(bearer);
    const subjectToken = { jkt: null, isForClient: false };
    expect(bindings.ofTokenRequest({ jkt: null, client, subjectToken })).toEqual(bearer);
    expect(bindings.ofTokenRequest({ ...none, jkt: KEY, client }).refreshTokenJkt).toBe(KEY);
    expect(bindings.ofToken(null)).toEqual({ token_type: 'Bearer' });
  });

  test.each<[string, unknown]>([
    ['empty', ''],
    ['false', false],
    ['a number', 0],
    ['an object', { jkt: KEY }],
    ['an array', [KEY]],
    ['cut off', KEY.slice(1)],
    ['the text null', 'null'],
  ])('a stored key that is %s is a failure, not a key and not an unbound token', (_what, value) => {
    const key = value as string;
    const acts: readonly (() => unknown)[] = [
      () => bindings.ofAuthorizationRequest({ dpopJkt: undefined, jkt: key }),
      () => bindings.ofToken(key),
      tokenRequest({ jkt: key, client: publicClient }),
      tokenRequest({ jkt: KEY, client: publicClient, grantJkt: key }),
      tokenRequest({ jkt: KEY, client: publicClient, subjectToken: { jkt: key, isForClient: false } }),
    ];
    for (const act of acts)
      expect(refusalOf(act)).toEqual(refusal('temporarily_unavailable', 'internal_failure', 503));
  });

  test('a subject token that is none is a failure', () => {
    const subjectToken = 'token' as never;
    expect(refusalOf(tokenRequest({ jkt: KEY, client: publicClient, subjectToken }))).toEqual(
      refusal('temporarily_unavailable', 'internal_failure', 503),
    );
  });
});

describe('a token exchange', () => {
  const bound = { jkt: KEY, isForClient: false };
  const boundForClient = { jkt: KEY, isForClient: true };
  const bearer = { jkt: undefined, isForClient: false };

  test('binds the token of a Bearer token to any key, and needs none (G5)', () => {
    for (const client of [publicClient, confidential]) {
      expect(bindings.ofTokenRequest({ jkt: OTHER, client, subjectToken: bearer }).jkt).toBe(OTHER);
      expect(bindings.ofTokenRequest({ jkt: undefined, client, subjectToken: bearer }).tokenType).toBe(
        'Bearer',
      );
    }
  });

  test('takes a bound token with its own key (G5)', () => {
    for (const client of [publicClient, confidential])
      expect(bindings.ofTokenRequest({ jkt: KEY, client, subjectToken: bound }).jkt).toBe(KEY);
  });

  test('takes a bound token with another key only from the confidential client that it is for (G5)', () => {
    const refused = refusal('invalid_request', 'subject_token_key_binding');
    expect(
      bindings.ofTokenRequest({ jkt: OTHER, client: confidential, subjectToken: boundForClient }).jkt,
    ).toBe(OTHER);
    expect(refusalOf(tokenRequest({ jkt: OTHER, client: confidential, subjectToken: bound }))).toEqual(
      refused,
    );
    for (const subjectToken of [bound, boundForClient])
      expect(refusalOf(tokenRequest({ jkt: OTHER, client: publicClient, subjectToken }))).toEqual(refused);
  });

  test('never makes a Bearer token of a bound one (G5)', () => {
    for (const subjectToken of [bound, boundForClient]) {
      for (const client of [publicClient, confidential]) {
        expect(refusalOf(tokenRequest({ jkt: undefined, client, subjectToken }))).toEqual(
          refusal('invalid_dpop_proof', 'proof_missing'),
        );
      }
    }
  });

  test('asks whether the token is for the client, and takes no other answer than yes or no (G5)', () => {
    const subjectToken = { jkt: KEY, isForClient: 'yes' as never };
    expect(refusalOf(tokenRequest({ jkt: OTHER, client: confidential, subjectToken }))).toEqual(
      refusal('temporarily_unavailable', 'internal_failure', 503),
    );
  });
});

describe('what a server says of itself and of its tokens', () => {
  test('the members of an introspection response (G4)', () => {
    expect(bindings.ofToken(KEY)).toEqual({ token_type: 'DPoP', cnf: { jkt: KEY } });
    expect(bindings.ofToken(undefined)).toEqual({ token_type: 'Bearer' });
  });

  test('the member of its metadata has the algorithms that it accepts (G4)', () => {
    const config = createAuthorizationServerConfig({
      issuer: 'https://auth.example.com',
      proof: { algorithms: ['ES256', 'Ed25519'] },
    });
    expect(new DpopBindings(config).serverMetadata).toEqual({
      dpop_signing_alg_values_supported: ['ES256', 'Ed25519'],
    });
    expect(bindings.serverMetadata.dpop_signing_alg_values_supported).toContain('PS256');
  });
});
