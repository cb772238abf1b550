import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { JwtAccessTokenVerifier } from '../access-token/jwt-access-token.verifier.js';
import { TrustedIssuersVerifier } from '../access-token/trusted-issuers.verifier.js';
import { TestIssuer } from '../testing/index.js';
import { createIssuerKeys } from './issuer-keys.js';
import type { DpopRequest } from '../http/dpop-request.js';

const REQUEST: DpopRequest = { method: 'GET', target: '/', rawHeaders: [] };

const BOUNDS = { maxEntries: 10, maxBytes: 100_000 };

test('a configured key that cannot be imported is a failure of the service, not of the token (B1)', async () => {
  const issuer = await TestIssuer.create();
  const token = await issuer.issueToken();
  const keys = { keys: issuer.keys.keys.map((key) => ({ ...key, y: key['x'] as string })) };
  const verifier = new JwtAccessTokenVerifier({ ...issuer.accessToken, keys }, Date.now);
  await expect(verifier.verify(token)).rejects.toMatchObject({ status: 503, reason: 'issuer_unavailable' });
});

describe('keys of an issuer that are fetched (B1)', () => {
  let issuer: TestIssuer;

  beforeAll(async () => {
    issuer = await TestIssuer.listen();
  });

  afterAll(() => issuer.close());

  test('have one generation until they rotate', async () => {
    const keys = createIssuerKeys({ ...issuer.accessToken, keysCooldownSeconds: 0 }, Date.now);
    const use = async () => {
      const [header = ''] = (await issuer.issueToken()).split('.');
      const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
      await keys.find({ alg: 'ES256', kid }, { payload: '', signature: '' });
      return keys.generation();
    };
    expect(keys.generation()).toBeUndefined();
    const first = await use();
    expect(first).toBeDefined();
    expect(keys.generation()).toBe(first);
    expect(await use()).toBe(first);
    await issuer.rotateKey();
    expect(await use()).not.toBe(first);
  });

  test('let a token be cached: it is verified once, and again after the keys have rotated', async () => {
    const verifier = new JwtAccessTokenVerifier({ ...issuer.accessToken, keysCooldownSeconds: 0 }, Date.now);
    const verifiers = new TrustedIssuersVerifier([verifier], undefined, BOUNDS, Date.now);
    const accept = async (token: string) => {
      const ath = hash('sha256', token, 'base64url');
      const accepted = await verifiers.verify(token, ath, REQUEST);
      await verifiers.remember(token, ath, accepted);
      return accepted;
    };
    // The first token finds no keys yet, so that nothing says under which of them it was verified.
    await accept(await issuer.issueToken());
    const token = await issuer.issueToken();
    const claims = await accept(token);
    expect(await accept(token)).toBe(claims);
    await issuer.rotateKey();
    await accept(await issuer.issueToken());
    const again = await accept(token);
    expect(again).toEqual(claims);
    expect(again).not.toBe(claims);
  });
});
