import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { DpopError } from '../errors/dpop.error.js';
import { parseIssuerResolution } from '../issuer/issuer-resolution.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { TestIssuer } from '../testing/index.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { assertClaims } from './bound-claims.js';
import { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';
import { ResolvedIssuers } from './resolved-issuers.js';
import { TrustedIssuersVerifier } from './trusted-issuers.verifier.js';
import type { DpopRequest } from '../http/dpop-request.js';

const REQUEST: DpopRequest = { method: 'GET', target: '/', rawHeaders: [] };

const BOUNDS = { maxEntries: 10, maxBytes: 100_000 };
const START_MS = 1_800_000_000_000;

class Fallback extends AccessTokenVerifier {
  readonly tokens: string[] = [];
  readonly calls: string[] = [];

  override verify(token: string): { sub: string } {
    this.tokens.push(token);
    return { sub: 'fallback' };
  }

  override open(): void {
    this.calls.push('open');
  }

  override close(): void {
    this.calls.push('close');
  }
}

function trusting(issuers: readonly TestIssuer[], clock: () => number, fallback?: Fallback) {
  const verifiers = issuers.map((issuer) => new JwtAccessTokenVerifier(issuer.accessToken, clock));
  const trusted = new TrustedIssuersVerifier(verifiers, fallback, BOUNDS, clock);
  const accept = async (token: string) => {
    const ath = hash('sha256', token, 'base64url');
    const claims = await trusted.verify(token, ath, REQUEST);
    await trusted.remember(token, ath, claims);
    return claims;
  };
  return { trusted, accept };
}

describe('which verifier a token goes to (B6)', () => {
  test('one of four parts that names a trusted issuer is no JWT: it goes to the fallback', async () => {
    const issuer = await TestIssuer.create();
    const fallback = new Fallback();
    const { accept } = trusting([issuer], Date.now, fallback);
    const token = await issuer.issueToken();
    expect(await accept(token)).toMatchObject({ iss: issuer.issuer });
    const [header = '', payload = ''] = token.split('.');
    const others = [`${token}.x`, `${token}.`, `${token}.a.b`, `${header}.${payload}`, 'opaque'];
    for (const other of others) expect(await accept(other)).toEqual({ sub: 'fallback' });
    expect(fallback.tokens).toEqual(others);
  });

  test('without a fallback, the detail says why the issuer is missing, or which issuers are trusted (D9)', async () => {
    const [issuer, second] = [
      await TestIssuer.create(),
      await TestIssuer.create({ issuer: 'https://b.test' }),
    ];
    const { accept } = trusting([issuer, second], Date.now);
    const token = await issuer.issueToken();
    const [header = '', payload = ''] = token.split('.');
    const notJson = Buffer.from('x').toString('base64url');
    const cases = [
      ['opaque', 'token_invalid', { detail: 'segments' }],
      [`${token}.x`, 'token_invalid', { detail: 'segments' }],
      [`${header}.${notJson}.${payload}`, 'token_invalid', { detail: 'payload' }],
      [await issuer.issueToken({ claims: { iss: 42 } }), 'token_invalid', { detail: 'iss' }],
      [
        await issuer.issueToken({ claims: { iss: 'https://c.test' } }),
        'token_issuer',
        { expected: ['https://issuer.test', 'https://b.test'] },
      ],
    ] as const;
    for (const [presented, reason, details] of cases) {
      await expect(accept(presented)).rejects.toMatchObject({ reason, details });
    }
  });

  class OwnIssuer extends Fallback {
    override readonly issuer = 'https://own.test';
  }

  const naming = async (iss: unknown): Promise<string> =>
    (await TestIssuer.create()).issueToken({ claims: { iss } });

  test('one that names the issuer of a verifier of the app goes to that', async () => {
    const [own, fallback] = [new OwnIssuer(), new Fallback()];
    const trusted = new TrustedIssuersVerifier([own], fallback, BOUNDS, Date.now);
    const token = await naming(own.issuer);
    expect(await trusted.verify(token, 'ath', REQUEST)).toEqual({ sub: 'fallback' });
    expect([own.tokens, fallback.tokens]).toEqual([[token], []]);
  });

  test('a fallback that belongs to an issuer gets no tokens of another one', async () => {
    const own = new OwnIssuer();
    const trusted = new TrustedIssuersVerifier([], own, BOUNDS, Date.now);
    await expect(trusted.verify(await naming('https://c.test'), 'ath', REQUEST)).rejects.toMatchObject({
      reason: 'token_issuer',
    });
    await trusted.verify('opaque', 'ath', REQUEST);
    await trusted.verify(await naming(7), 'ath', REQUEST);
    expect(own.tokens).toEqual(['opaque', expect.stringMatching(/\..+\./)]);
  });

  test('one whose issuer the app names at run time goes to that, and is known to its tenant alone (B10)', async () => {
    const issuer = await TestIssuer.create();
    const lookups: unknown[] = [];
    const resolveIssuer = (...asked: readonly unknown[]) => {
      lookups.push(asked);
      return issuer.accessToken;
    };
    const tenantOf = ({ target }: DpopRequest): string => target;
    const resolved = new ResolvedIssuers(
      parseIssuerResolution({ resolveIssuer, tenantOf }, 'accessToken', false),
      Date.now,
    );
    const trusted = new TrustedIssuersVerifier([], new Fallback(), BOUNDS, Date.now, resolved);
    const token = await issuer.issueToken();
    const [inA, inB] = [
      { ...REQUEST, target: '/a' },
      { ...REQUEST, target: '/b' },
    ];
    const claims = await trusted.verify(token, 'ath', inA);
    await trusted.remember(token, 'ath', claims);
    expect(claims).toMatchObject({ iss: issuer.issuer });
    expect(await trusted.verify(token, 'ath', inA)).toBe(claims);
    const ofB = await trusted.verify(token, 'ath', inB);
    expect(ofB).toMatchObject({ iss: issuer.issuer });
    expect(ofB).not.toBe(claims);
    await trusted.remember(token, 'ath', ofB);
    expect(await trusted.verify(token, 'ath', inB)).toBe(ofB);
    expect(await trusted.verify(token, 'ath', inA)).toBe(claims);
    for (const iss of [7, undefined, [issuer.issuer]])
      expect(await trusted.verify(await issuer.issueToken({ claims: { iss } }), 'x', inA)).toEqual({
        sub: 'fallback',
      });
    expect(lookups).toEqual([
      [issuer.issuer, '/a'],
      [issuer.issuer, '/b'],
    ]);
  });

  test('tokens are known apart where the service has one tenant', async () => {
    const issuer = await TestIssuer.create();
    const { accept } = trusting([issuer], Date.now);
    const [one, other] = [await issuer.issueToken(), await issuer.issueToken()];
    const claims = await accept(one);
    const others = await accept(other);
    expect(await accept(one)).toBe(claims);
    expect(await accept(other)).toBe(others);
    expect(others).not.toBe(claims);
  });

  test('start and shutdown reach the fallback, too', async () => {
    const fallback = new Fallback();
    const { trusted } = trusting([await TestIssuer.create()], Date.now, fallback);
    await trusted.open(() => undefined);
    await trusted.close();
    expect(fallback.calls).toEqual(['open', 'close']);
  });
});

describe('a remembered token (B1)', () => {
  let issuer: TestIssuer | undefined;

  afterEach(() => issuer?.close());

  test('expires at the second at which exp and the tolerance are over, and not before', async () => {
    let nowMs = START_MS;
    const clock = () => nowMs;
    const { accept } = trusting([(issuer = await TestIssuer.create({ clock }))], clock);
    const token = await issuer.issueToken({ expiresInSeconds: 60 });
    const claims = await accept(token);
    expect(await accept(token)).toBe(claims);
    nowMs = START_MS + 69_999;
    expect(await accept(token)).toBe(claims);
    nowMs = START_MS + 70_000;
    await expect(accept(token)).rejects.toMatchObject({ reason: 'token_expired' });
  });

  test('is verified anew once its keys have outlived keysMaxAgeSeconds, and refused without its key', async () => {
    let nowMs = START_MS;
    const clock = () => nowMs;
    const listening = (issuer = await TestIssuer.listen({ clock }));
    const { trusted, accept } = trusting([listening], clock);
    await trusted.open(() => undefined);
    const token = await listening.issueToken({ expiresInSeconds: 3600 });
    const claims = await accept(token);
    await listening.rotateKey({ keepOld: false });
    nowMs += 599_999;
    expect(await accept(token)).toBe(claims);
    nowMs += 1;
    await expect(accept(token)).rejects.toMatchObject({
      reason: 'token_invalid',
      details: { detail: 'kid' },
    });
  });

  test('is the same after keys that are equal were fetched', async () => {
    let nowMs = START_MS;
    const clock = () => nowMs;
    const listening = (issuer = await TestIssuer.listen({ clock }));
    await listening.rotateKey();
    const { trusted, accept } = trusting([listening], clock);
    await trusted.open(() => undefined);
    const token = await listening.issueToken({ expiresInSeconds: 3600 });
    const claims = await accept(token);
    for (let cooldown = 0; cooldown < 3; cooldown += 1) {
      nowMs += 31_000;
      listening.keys.keys.reverse();
      const stranger = await listening.issueToken({ header: { kid: `stranger ${cooldown}` } });
      await expect(accept(stranger)).rejects.toMatchObject({ reason: 'token_invalid' });
      expect(await accept(token)).toBe(claims);
    }
  });
});

test.each([[undefined], [null], ['claims'], [[]], [true]])(
  'a verifier that answers %j is a failure of ours, and the operator is told what it must answer',
  (claims) => {
    expect(() => assertClaims(claims)).toThrow(
      expect.objectContaining({
        status: 503,
        reason: 'internal_failure',
        advice: 'AccessTokenVerifier.verify must return the claims of the token, or throw',
      }),
    );
  },
);

describe('who explains a refused token (D9)', () => {
  const clock = () => START_MS;
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const naming = (iss: unknown): string => `${encode({ alg: 'ES256' })}.${encode({ iss })}.c2ln`;
  const options = (name: string, changes: Partial<JwtAccessTokenOptions> = {}): JwtAccessTokenOptions => ({
    issuer: `https://${name}.test`,
    audience: 'https://api.test',
    jwksUri: `https://${name}.test/jwks`,
    fetch: () => Promise.reject(new Error('no such host')),
    ...changes,
  });
  const advising = (name: string): JwtAccessTokenVerifier =>
    new JwtAccessTokenVerifier(
      options(name, { advise: ({ reason, segments }, issuer) => `${issuer} ${reason} ${segments}` }),
      clock,
    );
  const silent = (name: string): JwtAccessTokenVerifier => new JwtAccessTokenVerifier(options(name), clock);

  class AdvisingFallback extends Fallback {
    override advise(token: string, reason: string, { target }: DpopRequest): string | undefined {
      return token === 'unknown' ? undefined : `fallback ${token} ${reason} ${target}`;
    }
  }

  const trust = (
    issuers: readonly JwtAccessTokenVerifier[],
    fallback?: AccessTokenVerifier,
    resolved?: ResolvedIssuers,
  ): TrustedIssuersVerifier => new TrustedIssuersVerifier(issuers, fallback, BOUNDS, clock, resolved);
  const advice = (trusted: TrustedIssuersVerifier, token: string): string | undefined =>
    trusted.advise(token, 'token_invalid', REQUEST);

  test('the issuer that the token names, and no other if that one has nothing to say', () => {
    const trusted = trust([advising('a'), silent('b'), advising('c')], new AdvisingFallback());
    expect(advice(trusted, naming('https://a.test'))).toBe('https://a.test token_invalid 3');
    expect(advice(trusted, naming('https://c.test'))).toBe('https://c.test token_invalid 3');
    expect(advice(trusted, naming('https://b.test'))).toBeUndefined();
  });

  test('for a token that names none of them, the fallback first, then the first issuer that can', () => {
    const trusted = trust([silent('b'), advising('a'), advising('c')], new AdvisingFallback());
    expect(advice(trusted, 'opaque')).toBe('fallback opaque token_invalid /');
    expect(advice(trusted, naming('https://x.test'))).toMatch(/^fallback /);
    expect(advice(trusted, naming(7))).toMatch(/^fallback /);
    expect(advice(trusted, 'unknown')).toBe('https://a.test token_invalid 1');
    for (const fallback of [undefined, new Fallback()])
      expect(advice(trust([silent('b'), advising('c')], fallback), 'opaque')).toBe(
        'https://c.test token_invalid 1',
      );
  });

  test('a fallback that is the verifier of an issuer is asked once', () => {
    let asked = 0;
    const one = new JwtAccessTokenVerifier(
      options('a', {
        advise: () => {
          asked += 1;
          return undefined;
        },
      }),
      clock,
    );
    expect(advice(trust([one], one), 'opaque')).toBeUndefined();
    expect(asked).toBe(1);
  });

  test('nobody, where nobody can', () => {
    expect(advice(trust([silent('a')], new Fallback()), naming('https://a.test'))).toBeUndefined();
    expect(advice(trust([]), 'opaque')).toBeUndefined();
  });

  test('an issuer that was found at run time, for the tenant that found it', async () => {
    const resolved = new ResolvedIssuers(
      parseIssuerResolution(
        {
          resolveIssuer: (_name: string, tenant: string) =>
            tenant === '/' ? options('found', { advise: () => 'of the found one' }) : undefined,
          tenantOf: ({ target }: DpopRequest) => target,
        },
        'accessToken',
        false,
      ),
      clock,
    );
    const trusted = trust([silent('a')], undefined, resolved);
    const token = naming('https://found.test');
    expect(advice(trusted, token)).toBeUndefined();
    await expect(trusted.verify(token, 'ath', REQUEST)).rejects.toThrow();
    expect(advice(trusted, token)).toBe('of the found one');
    expect(trusted.advise(token, 'token_invalid', { ...REQUEST, target: '/b' })).toBeUndefined();
  });

  test('an issuer that is not found is told with those that are listed (B10)', async () => {
    const resolution = parseIssuerResolution({ resolveIssuer: () => undefined }, 'accessToken', false);
    const nobody = new ResolvedIssuers(resolution, clock);
    const UNRESOLVED =
      'resolveIssuer returned undefined for the issuer that the token names, or was not asked because the name is too long';
    const refusal = async (trusted: TrustedIssuersVerifier): Promise<unknown> => {
      try {
        return await trusted.verify(naming('https://x.test'), 'ath', REQUEST);
      } catch (error) {
        return (error as DpopError).details;
      }
    };
    expect(await refusal(trust([], undefined, nobody))).toEqual({ advice: UNRESOLVED });
    expect(await refusal(trust([silent('a')], undefined, nobody))).toEqual({
      expected: ['https://a.test'],
      advice: UNRESOLVED,
    });
    expect(await refusal(trust([silent('a')]))).toEqual({ expected: ['https://a.test'] });
  });
});
