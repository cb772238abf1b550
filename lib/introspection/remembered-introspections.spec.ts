import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { CLIENT, IntrospectedIssuer } from '../../test/support/introspected-issuer.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { introspection } from './introspection.js';
import type { IntrospectionOptions } from './introspection-options.js';

const REQUEST = { method: 'GET', target: '/', rawHeaders: [] };

let clock: HandClock;
let issuer: IntrospectedIssuer;

beforeEach(async () => {
  clock = new HandClock();
  issuer = await IntrospectedIssuer.listen(clock, 'key');
});

afterEach(() => issuer.close());

function create(changes: Partial<IntrospectionOptions> = {}) {
  const verifier = introspection({
    accessToken: { ...issuer.accessToken, keysMaxAgeSeconds: 60 },
    client: CLIENT,
    clock: clock.read,
    cacheSeconds: 3600,
    ...changes,
  });
  const verify = async (token: string, ath = token): Promise<AccessTokenClaims> =>
    verifier.verify(token, ath, REQUEST);
  const remember = (token: string, claims: AccessTokenClaims, ath = token) =>
    verifier.remember?.(token, ath, claims);
  /** A request that is accepted. */
  const accept = async (token: string): Promise<void> => remember(token, await verify(token));
  return { verifier, verify, remember, accept };
}

describe('a token that was introspected (B7)', () => {
  test('is remembered once its request is accepted', async () => {
    const { verify, remember } = create({ cacheSeconds: 5 });
    await verify('opaque');
    const claims = await verify('opaque');
    expect(issuer.count).toBe(2);
    await remember('opaque', claims);
    expect(await verify('opaque')).toBe(claims);
    expect(issuer.count).toBe(2);
    clock.advanceSeconds(5);
    expect(await verify('opaque')).not.toBe(claims);
    expect(issuer.count).toBe(3);
  });

  test('is remembered for one request, and for no claims of others', async () => {
    const { verify, remember } = create();
    const claims = await verify('opaque', 'first');
    await remember('opaque', { ...claims }, 'copy');
    await remember('opaque', claims, 'first');
    await remember('opaque', claims, 'second');
    for (const ath of ['copy', 'first', 'second']) await verify('opaque', ath);
    // Two questions about what was not remembered.
    expect(issuer.count).toBe(3);
  });

  test('is counted from the question', async () => {
    issuer.introspect = (response) => {
      clock.advanceSeconds(3);
      issuer.sendJson(response, issuer.active);
    };
    const { verify, accept } = create({ cacheSeconds: 5 });
    await accept('opaque');
    clock.advanceSeconds(1);
    await verify('opaque');
    expect(issuer.count).toBe(1);
    clock.advanceSeconds(1);
    await verify('opaque');
    expect(issuer.count).toBe(2);
  });

  test.each([
    [2000, 1],
    [2001, 2],
  ])('takes its bytes, of a token of %i', async (tokenBytes, questions) => {
    const padding = 2096 - JSON.stringify({ ...issuer.active, padding: '' }).length;
    issuer.response = { ...issuer.active, padding: 'x'.repeat(padding) };
    const { verify, accept } = create({ maxCachedTokens: 1 });
    const token = 't'.repeat(tokenBytes);
    await accept(token);
    await verify(token);
    expect(issuer.count).toBe(questions);
  });
});

describe('a token that was introspected, and whose signature was verified (B7, B12)', () => {
  const createBoth = async () => {
    const { verifier, ...both } = create({ verifySignature: true });
    await verifier.open?.(() => undefined);
    return { ...both, jwt: await issuer.signToken() };
  };

  test('is remembered with the keys that verified it', async () => {
    const { jwt, verify, accept } = await createBoth();
    await accept(jwt);
    await verify(jwt);
    expect(issuer.count).toBe(1);
    // The keys are old, and equal keys are fetched.
    clock.advanceSeconds(60);
    await accept(jwt);
    expect(issuer.count).toBe(2);
  });

  test('is not remembered once the keys are old, even if the clock is set back', async () => {
    const { jwt, verify, remember } = await createBoth();
    const claims = await verify(jwt);
    clock.advanceSeconds(60);
    await remember(jwt, claims);
    clock.advanceSeconds(-60);
    await verify(jwt);
    expect(issuer.count).toBe(2);
  });

  test('is not remembered if the keys were not there before it, and are old after it', async () => {
    const { verify, remember } = create({ verifySignature: true });
    const jwt = await issuer.signToken();
    const claims = await verify(jwt);
    clock.advanceSeconds(60);
    await remember(jwt, claims);
    issuer.bare.keys.length = 0;
    await expect(verify(jwt)).rejects.toMatchObject({ reason: 'token_invalid' });
  });

  test('is not remembered if the keys were not there before it', async () => {
    const { verify, remember } = create({ verifySignature: true });
    const jwt = await issuer.signToken();
    await remember(jwt, await verify(jwt));
    await verify(jwt);
    expect(issuer.count).toBe(2);
  });
});
