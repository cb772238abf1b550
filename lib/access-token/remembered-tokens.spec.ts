import { beforeEach, describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';
import { TrustedIssuersVerifier } from './trusted-issuers.verifier.js';

const REQUEST: DpopRequest = { method: 'GET', target: '/', rawHeaders: [] };
const ISSUER = 'https://issuer.test';
const START_SECONDS = 1_800_000_000;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenOf = (claims: object) => `${encode({ alg: 'ES256' })}.${encode(claims)}.c2ln`;
const TOKEN = tokenOf({ iss: ISSUER });

/** An issuer whose keys rotate when the test says so. */
class FakeIssuer extends JwtAccessTokenVerifier {
  readonly calls: unknown[][] = [];
  generation: object | undefined = {};
  exp: number | undefined = START_SECONDS + 60;
  meanwhile = (): void => undefined;

  constructor() {
    super({ issuer: ISSUER, audience: 'https://api.test' }, () => 1000 * START_SECONDS);
  }

  override keyGeneration(): object | undefined {
    return this.generation;
  }

  override verifyJwt(): Promise<AccessTokenClaims> {
    this.meanwhile();
    return Promise.resolve({ iss: ISSUER, ...(this.exp !== undefined && { exp: this.exp }) });
  }

  override open(warn: unknown): Promise<void> {
    this.calls.push(['open', warn]);
    return Promise.resolve();
  }

  override close(): void {
    this.calls.push(['close']);
  }
}

class Introspection extends AccessTokenVerifier {
  readonly remembered: unknown[][] = [];
  answer: unknown = { sub: 'opaque' };

  override verify(): AccessTokenClaims {
    return this.answer as AccessTokenClaims;
  }

  override remember(...parts: unknown[]): Promise<void> {
    this.remembered.push(parts);
    return Promise.reject(new Error('full'));
  }
}

class Forgetful extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return { sub: 'opaque' };
  }
}

describe('a token of an accepted request (B1)', () => {
  let issuer: FakeIssuer;
  let nowSeconds: number;

  beforeEach(() => {
    issuer = new FakeIssuer();
    nowSeconds = START_SECONDS;
  });

  function trust(fallback?: AccessTokenVerifier, maxBytes = 10_000): TrustedIssuersVerifier {
    return new TrustedIssuersVerifier(
      [issuer],
      fallback,
      { maxEntries: 10, maxBytes },
      () => 1000 * nowSeconds,
    );
  }

  /** Whether the token is still known when it comes again. */
  async function isKnownAgain(trusted: TrustedIssuersVerifier): Promise<boolean> {
    const claims = await trusted.verify(TOKEN, 'ath', REQUEST);
    await trusted.remember(TOKEN, 'ath', claims);
    return (await trusted.verify(TOKEN, 'ath', REQUEST)) === claims;
  }

  test('is remembered', async () => {
    expect(await isKnownAgain(trust())).toBe(true);
  });

  test('is not remembered if its keys were unknown, or rotated during the verification', async () => {
    const trusted = trust();
    issuer.generation = undefined;
    expect(await isKnownAgain(trusted)).toBe(false);
    issuer.generation = {};
    issuer.meanwhile = () => {
      issuer.generation = {};
    };
    expect(await isKnownAgain(trusted)).toBe(false);
    issuer.meanwhile = () => {
      issuer.generation = undefined;
    };
    issuer.generation = {};
    expect(await isKnownAgain(trusted)).toBe(false);
  });

  test('is not remembered if its keys rotated during the verification, and back later', async () => {
    const trusted = trust();
    const { generation } = issuer;
    issuer.meanwhile = () => {
      issuer.generation = {};
    };
    const claims = await trusted.verify(TOKEN, 'ath', REQUEST);
    await trusted.remember(TOKEN, 'ath', claims);
    issuer.generation = generation;
    expect(await trusted.verify(TOKEN, 'ath', REQUEST)).not.toBe(claims);
  });

  test('is forgotten when its keys rotate or it expires, once and for all', async () => {
    const trusted = trust();
    const { generation } = issuer;
    const changes = [
      [() => (issuer.generation = {}), () => (issuer.generation = generation)],
      [() => (nowSeconds += 70), () => (nowSeconds = START_SECONDS)],
    ];
    for (const [change, undo] of changes) {
      const claims = await trusted.verify(TOKEN, 'ath', REQUEST);
      await trusted.remember(TOKEN, 'ath', claims);
      change?.();
      expect(await trusted.verify(TOKEN, 'ath', REQUEST)).not.toBe(claims);
      undo?.();
      expect(await trusted.verify(TOKEN, 'ath', REQUEST)).not.toBe(claims);
    }
  });

  test('is not recalled without a time at which it expires', async () => {
    issuer.exp = undefined;
    expect(await isKnownAgain(trust())).toBe(false);
  });

  test('takes two bytes for each character', async () => {
    expect(await isKnownAgain(trust(undefined, 2 * TOKEN.length))).toBe(true);
    expect(await isKnownAgain(trust(undefined, 2 * TOKEN.length - 1))).toBe(false);
  });

  test('is remembered once, under its own hash, and only with claims of this verifier', async () => {
    const trusted = trust();
    const claims = await trusted.verify(TOKEN, 'ath', REQUEST);
    await trusted.remember(TOKEN, 'ath', claims);
    await trusted.remember(TOKEN, 'other', claims);
    expect(await trusted.verify(TOKEN, 'other', REQUEST)).not.toBe(claims);
    const foreign = { iss: ISSUER };
    await trusted.remember(TOKEN, 'third', foreign);
    expect(await trusted.verify(TOKEN, 'third', REQUEST)).not.toBe(foreign);
  });

  test('is remembered by the fallback if that verified it, and its errors count', async () => {
    const fallback = new Introspection();
    const trusted = trust(fallback);
    const claims = await trusted.verify('opaque', 'ath', REQUEST);
    await expect(trusted.remember('opaque', 'ath', claims)).rejects.toThrow('full');
    expect(fallback.remembered).toEqual([['opaque', 'ath', claims]]);
    await trusted.remember(TOKEN, 'ath', await trusted.verify(TOKEN, 'ath', REQUEST));
    expect(fallback.remembered).toHaveLength(1);
    const forgetful = trust(new Forgetful());
    expect(
      await forgetful.remember('opaque', 'ath', await forgetful.verify('opaque', 'ath', REQUEST)),
    ).toBeUndefined();
  });

  test('has of the fallback what that answers, whatever it is', async () => {
    const fallback = new Introspection();
    for (const answer of [undefined, null, 'claims', []]) {
      fallback.answer = answer;
      expect(await trust(fallback).verify('opaque', 'ath', REQUEST)).toBe(answer);
    }
  });

  test('goes to the fallback unless it names the issuer', async () => {
    const trusted = trust(new Introspection());
    for (const iss of [undefined, null, 7, [ISSUER], `${ISSUER}/`])
      expect(await trusted.verify(tokenOf({ iss }), 'ath', REQUEST)).toEqual({ sub: 'opaque' });
    expect(await trusted.verify(TOKEN, 'ath', REQUEST)).toMatchObject({ iss: ISSUER });
  });

  test('start and shutdown reach the issuers, and fallbacks that have nothing to open or close', async () => {
    const trusted = trust(new Forgetful());
    const warn = () => undefined;
    await trusted.open(warn);
    await trusted.close();
    expect(issuer.calls).toEqual([['open', warn], ['close']]);
    await expect(trust().close()).resolves.toBeUndefined();
  });
});
