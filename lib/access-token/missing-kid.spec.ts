import { describe, expect, test } from '@jest/globals';
import { TestIssuer } from '../testing/index.js';
import { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';

describe('tokens without kid (B1)', () => {
  test('the operator is warned once for each key set, and only of keys that were not tried', async () => {
    const [issuer, ...others] = await Promise.all([1, 2, 3, 4].map(() => TestIssuer.create()));
    if (issuer === undefined) throw new Error('there is an issuer');
    const [stranger, ...rest] = others;
    const keys = [issuer, ...rest].flatMap((one) => one.keys.keys);
    const forge = () => (stranger ?? issuer).issueToken({ header: { kid: undefined } });
    const verifierOf = (count: number) =>
      new JwtAccessTokenVerifier({ ...issuer.accessToken, keys: { keys: keys.slice(0, count) } }, Date.now);

    for (const [count, detail, warned] of [
      [2, 'signature', 0],
      [3, 'kid', 1],
    ] as const) {
      const warnings: string[] = [];
      const verifier = verifierOf(count);
      await verifier.open((text) => warnings.push(text));
      for (let i = 0; i < 2; i += 1)
        await expect(verifier.verify(await forge())).rejects.toMatchObject({
          reason: 'token_invalid',
          details: { detail },
        });
      expect(warnings).toEqual(
        Array.from(
          { length: warned },
          () =>
            'the service refused a token without kid: it tries two of the 3 ES256 keys of the issuer https://issuer.test, and neither verified it. If such tokens are good, configure the issuer to send kid, or list fewer keys',
        ),
      );
    }
    await expect(verifierOf(3).verify(await forge())).rejects.toMatchObject({ details: { detail: 'kid' } });
  });

  test('the key that verified one is the first to be tried', async () => {
    const issuers = await Promise.all([1, 2, 3].map(() => TestIssuer.create()));
    const keys = issuers.flatMap((one) => one.keys.keys);
    const last = issuers.at(-1);
    const verifier = new JwtAccessTokenVerifier(
      { issuer: 'https://issuer.test', audience: 'https://api.test', keys: { keys } },
      Date.now,
    );
    const token = (await last?.issueToken({ header: { kid: undefined } })) ?? '';
    await expect(verifier.verify(token)).rejects.toMatchObject({ details: { detail: 'kid' } });
    for (let i = 0; i < 3; i += 1)
      expect(await verifier.verify(token)).toMatchObject({ sub: expect.anything() });
  });
});
