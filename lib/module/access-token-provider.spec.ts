import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { TestIssuer } from '../testing/test-issuer.js';
import { createAccessTokenVerifier } from './access-token-provider.js';

class OpaqueTokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return { sub: 'opaque' };
  }
}

const REQUEST = { method: 'GET', target: '/', rawHeaders: [] };

/** Verifies with the verifier that these options make. */
function verifying(accessToken: DpopModuleOptions['accessToken']) {
  const config = createConfig({ origin: 'https://api.example.com', accessToken });
  const verifier = createAccessTokenVerifier(config);
  return async (token: string) => await verifier.verify(token, hash('sha256', token, 'base64url'), REQUEST);
}

describe('the verifier of access tokens (B1)', () => {
  test('takes the tokens of each issuer that is listed, and of no other', async () => {
    const create = (name: string) => TestIssuer.create({ issuer: `https://${name}.example` });
    const [one, two, other] = [await create('one'), await create('two'), await create('other')];
    const verify = verifying([one.accessToken, two.accessToken]);
    for (const listed of [one, two]) {
      expect(await verify(await listed.issueToken({}))).toMatchObject({ iss: listed.issuer });
    }
    await expect(verify(await other.issueToken({}))).rejects.toMatchObject({
      reason: 'token_issuer',
    });
  });

  test('gives tokens that name no listed issuer to the verifier of the app', async () => {
    const issuer = await TestIssuer.create();
    const verify = verifying([issuer.accessToken, new OpaqueTokens()]);
    expect(await verify('opaque')).toEqual({ sub: 'opaque' });
    expect(await verify(await issuer.issueToken({}))).toMatchObject({ iss: issuer.issuer });
  });
});
