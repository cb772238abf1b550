import { describe, expect, test } from '@jest/globals';
import {
  AccessTokenVerifier,
  auth0,
  type DpopModuleOptions,
  keycloak,
  type VerifierAcceptance,
} from 'nestjs-dpop';
import { createConfig } from '../config/dpop-config.js';
import { fapi2 } from './fapi2.js';

const issuer = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' };
const GOOD: DpopModuleOptions = { origin: 'https://api.example.com', accessToken: issuer };
const ALGORITHMS = ['PS256', 'ES256', 'Ed25519', 'EdDSA'];

class OwnVerifier extends AccessTokenVerifier {
  override readonly accepts: VerifierAcceptance;

  constructor(accepts: VerifierAcceptance = {}) {
    super();
    this.accepts = accepts;
  }

  override verify(): never {
    throw new Error('not called');
  }
}

class SilentVerifier extends AccessTokenVerifier {
  override verify(): never {
    throw new Error('not called');
  }
}

const messageOf = (changes: object): string => {
  try {
    fapi2({ ...GOOD, ...changes });
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
  return 'no error';
};

describe('fapi2 narrows what is left open (C5)', () => {
  test('to its algorithms for proofs and tokens, to no Bearer and to no tickets', () => {
    const options = fapi2(GOOD);
    expect(options).toEqual({
      ...GOOD,
      accessToken: { ...issuer, algorithms: ALGORITHMS },
      proof: { algorithms: ALGORITHMS },
      bearer: 'forbid',
      tickets: 'forbid',
    });
    expect([options, options.proof, options.accessToken].every(Object.isFrozen)).toBe(true);
    expect(createConfig(options)).toMatchObject({
      forbidsBearer: true,
      forbidsTickets: true,
      policy: { bearer: 'reject' },
      challenge: { algs: 'PS256 ES256 Ed25519 EdDSA' },
      proof: { futureToleranceSeconds: 30 },
    });
  });

  test('for each of several issuers, and leaves a verifier of the app alone', () => {
    const own = new OwnVerifier();
    const realm = keycloak({ url: 'https://sso.example.com', realm: 'main', audience: 'a' });
    const { accessToken } = fapi2({ ...GOOD, accessToken: [issuer, realm, own] });
    expect(accessToken).toEqual([
      { ...issuer, algorithms: ALGORITHMS },
      { ...realm, algorithms: ALGORITHMS },
      own,
    ]);
    expect((accessToken as readonly unknown[])[2]).toBe(own);
    expect(fapi2({ ...GOOD, accessToken: own }).accessToken).toBe(own);
    const silent = new SilentVerifier();
    expect(fapi2({ ...GOOD, accessToken: silent }).accessToken).toBe(silent);
  });

  test('for the issuers of tenants, when they are found', () => {
    const resolution = { resolveIssuer: () => issuer, tenantOf: () => 'tenant' };
    const limited = fapi2({ ...GOOD, accessToken: resolution });
    expect(limited.accessToken).toMatchObject(resolution);
    for (const options of [limited, fapi2(limited)]) {
      const limit = createConfig(options).resolution?.limitAnswer;
      expect(limit?.(issuer)).toEqual({ ...issuer, algorithms: ALGORITHMS });
      expect(() => limit?.({ ...issuer, algorithms: ['RS256'] })).toThrow(
        /^fapi2\(\) resolveIssuer\(\)\.algorithms must be/,
      );
      expect(() => limit?.({ ...issuer, allowInsecureJwksUri: true })).toThrow(/FAPI 2\.0 requires TLS/);
    }
    expect(createConfig({ ...GOOD, accessToken: resolution }).resolution?.limitAnswer(issuer)).toBe(issuer);
  });

  test('and keeps what is narrower', () => {
    const narrow = {
      ...GOOD,
      accessToken: { ...issuer, algorithms: ['PS256'], clockToleranceSeconds: 10 },
      proof: { algorithms: ['ES256'], futureToleranceSeconds: 60, maxAgeSeconds: 30 },
      realm: 'bank',
    };
    expect(fapi2(narrow)).toEqual({ ...narrow, bearer: 'forbid', tickets: 'forbid' });
    expect(fapi2(fapi2(GOOD))).toEqual(fapi2(GOOD));
    expect(fapi2({ ...GOOD, bearer: 'reject' }).bearer).toBe('forbid');
    expect(fapi2({ ...GOOD, tickets: 'forbid' }).tickets).toBe('forbid');
  });
});

describe('fapi2 is a TypeError for what is wider (I4)', () => {
  const wider: readonly unknown[] = [
    ['RS256'],
    ['ES256', 'ES384'],
    ['PS384'],
    ['ML-DSA-44'],
    ['none'],
    [42],
    'RS256',
    null,
  ];

  test.each(wider.map((algorithms) => ({ algorithms })))('$algorithms', ({ algorithms }) => {
    const form =
      'must be an array of PS256, ES256, Ed25519, EdDSA, which are all that FAPI 2.0 allows; it is ';
    expect(messageOf({ proof: { algorithms } })).toContain(`fapi2() proof.algorithms ${form}`);
    expect(messageOf({ accessToken: { ...issuer, algorithms } })).toContain(
      `fapi2() accessToken.algorithms ${form}`,
    );
    expect(messageOf({ accessToken: [issuer, { ...issuer, algorithms }] })).toContain(
      `fapi2() accessToken[1].algorithms ${form}`,
    );
  });

  test('a provider that signs with RS256, unless the options name another algorithm of it', () => {
    const accessToken = auth0({ domain: 'example.eu.auth0.com', audience: 'a' });
    expect(messageOf({ accessToken })).toMatch(/^fapi2\(\) accessToken\.algorithms must be/);
    expect(messageOf({ accessToken: { ...accessToken, algorithms: ['PS256'] } })).toBe('no error');
  });

  test.each([0, 9, 61, 3600, 10.5, '30', null])('tolerance %j', (seconds) => {
    const form = `must be an integer from 10 to 60; it is ${JSON.stringify(seconds)}`;
    expect(messageOf({ proof: { futureToleranceSeconds: seconds } })).toBe(
      `fapi2() proof.futureToleranceSeconds ${form}`,
    );
    expect(messageOf({ accessToken: { ...issuer, clockToleranceSeconds: seconds } })).toBe(
      `fapi2() accessToken.clockToleranceSeconds ${form}`,
    );
  });

  test('http beyond loopback, for the service or the keys of one issuer', () => {
    const form = 'must be false or left out: FAPI 2.0 requires TLS; it is true';
    expect(messageOf({ allowInsecureHttp: true })).toBe(`fapi2() allowInsecureHttp ${form}`);
    expect(messageOf({ allowInsecureHttp: false })).toBe('no error');
    const accessToken = { ...issuer, jwksUri: 'http://keycloak:8080/jwks', allowInsecureJwksUri: true };
    expect(messageOf({ accessToken: [accessToken] })).toBe(
      `fapi2() accessToken[0].allowInsecureJwksUri ${form}`,
    );
    expect(messageOf({ accessToken: { ...issuer, allowInsecureJwksUri: false } })).toBe('no error');
  });

  test.each<readonly [VerifierAcceptance, RegExp]>([
    [{}, /^no error$/],
    [{ algorithms: ['PS256'], clockToleranceSeconds: 10, insecureOptions: [] }, /^no error$/],
    [{ clockToleranceSeconds: 60 }, /^no error$/],
    [{ algorithms: ['PS256', 'RS256'] }, /must be a verifier of PS256, .* only: set algorithms/],
    [{ clockToleranceSeconds: 9 }, /must be a verifier with clockToleranceSeconds from 10 to 60/],
    [{ clockToleranceSeconds: 61 }, /must be a verifier with clockToleranceSeconds from 10 to 60/],
    [{ insecureOptions: ['allowInsecureEndpoint'] }, /without allowInsecureEndpoint: FAPI 2.0 requires TLS/],
  ])('a verifier that says it accepts %j', (accepts, message) => {
    const verifier = new OwnVerifier(accepts);
    expect(messageOf({ accessToken: verifier })).toMatch(message);
    expect(messageOf({ accessToken: [issuer, verifier] })).toMatch(message);
    if (message.source !== '^no error$') {
      expect(messageOf({ accessToken: [issuer, verifier] })).toMatch(/^fapi2\(\) accessToken\[1\] must be /);
    }
  });

  test('Bearer, the age of a proof by its nonce, and what are no options', () => {
    expect(messageOf({ tickets: { lifetimeSeconds: 5 } })).toMatch(
      /^fapi2\(\) tickets must be "forbid" or left out: .*; it is \{ lifetimeSeconds: 5 \}$/,
    );
    expect(messageOf({ bearer: 'allow-unbound' })).toMatch(
      /^fapi2\(\) bearer must be left out: .*; it is "allow-unbound"$/,
    );
    expect(messageOf({ nonce: { mode: 'required', freshness: 'nonce' } })).toMatch(
      /^fapi2\(\) nonce\.freshness must be "iat" or left out: .*; it is "nonce"$/,
    );
    expect(messageOf({ enforcement: 'report' })).toBe(
      `fapi2() enforcement must be 'enforce' or left out: FAPI 2.0 requires a bound token on every route; it is "report"`,
    );
    expect(messageOf({ enforcement: 'enforce' })).toBe('no error');
    expect(messageOf({ proof: { algorithms: ['RS256'] } })).toMatch(/; it is \[ 'RS256' \]$/);
    expect(messageOf({ nonce: { mode: 'required', freshness: 'iat' } })).toBe('no error');
    for (const options of [undefined, null, 42, []]) {
      expect(() => fapi2(options as unknown as DpopModuleOptions)).toThrow(
        /^fapi2\(\) must be given an object/,
      );
    }
  });

  test('and leaves what only looks like a verifier as it is', () => {
    const verifier = { verify: () => ({}) };
    expect(fapi2({ ...GOOD, accessToken: verifier }).accessToken).toBe(verifier);
    expect(fapi2({ ...GOOD, accessToken: { ...issuer, verify: 5 } as never }).accessToken).toMatchObject({
      algorithms: ALGORITHMS,
    });
  });

  test.each([
    [{ proof: null }, /^proof must be an object/],
    [{ proof: { algorithms: [] } }, /^proof\.algorithms must be/],
    [{ accessToken: null }, /^accessToken must be an object/],
    [{ accessToken: { ...issuer, algorithms: [] } }, /^accessToken\.algorithms must be/],
    [{ accessToken: { verify: () => ({}) } }, /^accessToken must be an object, the options of an issuer/],
    [{ bearer: 'allow' }, /^bearer must be "reject"/],
    [{ orign: 'x' }, /has no option "orign"/],
  ])('and leaves what is no option to the module: %j', (changes, message) => {
    expect(() => createConfig(fapi2({ ...GOOD, ...changes } as DpopModuleOptions))).toThrow(message);
  });
});
