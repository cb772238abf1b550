import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { IssuerKeySet } from './issuer-key-set.js';

const ISSUER = 'https://issuer.test';
const setOf = (...keys: readonly JWK[]) => new IssuerKeySet(ISSUER, { keys });

describe('a key set of an issuer (B1)', () => {
  let first: JWK;
  let second: JWK;
  let edwards: JWK;

  beforeAll(async () => {
    const create = async (algorithm: string) => exportJWK((await generateKeyPair(algorithm)).publicKey);
    [first, second, edwards] = await Promise.all([create('ES256'), create('ES256'), create('EdDSA')]);
  });

  test.each([
    [undefined],
    [null],
    ['keys'],
    [{}],
    [{ keys: 'text' }],
    [{ keys: [null] }],
    [{ keys: ['text'] }],
  ])('is none: %j', (document) => {
    expect(() => new IssuerKeySet(ISSUER, document)).toThrow(
      expect.objectContaining({
        name: 'OutboundError',
        message: 'not a JWK set: { "keys": [ … ] }',
        cause: expect.anything() as unknown,
      }),
    );
  });

  test('has the keys for an algorithm and a kid, or for an algorithm alone', async () => {
    const set = setOf({ ...first, kid: 'a' }, { ...second, kid: 'b' });
    expect((await set.find('ES256', 'a'))?.size).toBe(1);
    expect((await set.find('ES256', undefined))?.size).toBe(2);
    for (const kid of ['c', '', null, 7, ['a']]) expect(await set.find('ES256', kid)).toBeUndefined();
    expect(await set.find('RS256', 'a')).toBeUndefined();
  });

  test('selects once for each algorithm and kid', () => {
    const set = setOf({ ...first, kid: 'a' }, { ...second, kid: 'b' });
    const selections = [
      ['ES256', 'a'],
      ['ES256', 'b'],
      ['ES256', undefined],
      ['RS256', 'a'],
    ] as const;
    const found = selections.map(([alg, kid]) => set.find(alg, kid));
    expect(new Set(found).size).toBe(4);
    expect(selections.map(([alg, kid]) => set.find(alg, kid))).toEqual(found);
    for (const [index, [alg, kid]] of selections.entries()) expect(set.find(alg, kid)).toBe(found[index]);
  });

  test('remembers no kid that it does not have, of which a client could send as many as it likes', () => {
    const set = setOf({ ...first, kid: 'a' });
    for (const kid of ['b', 7, null]) expect(set.find('ES256', kid)).not.toBe(set.find('ES256', kid));
  });

  test.each(['EdDSA', 'Ed25519', undefined])(
    'has one key for EdDSA and Ed25519, whichever of them it names: %s',
    async (alg) => {
      const set = setOf({ ...edwards, ...(alg !== undefined && { alg }) });
      expect((await set.find('EdDSA', undefined))?.size).toBe(1);
      expect((await set.find('Ed25519', undefined))?.size).toBe(1);
    },
  );

  test('keeps what a key says of its algorithm', async () => {
    expect(await setOf({ ...edwards, alg: 'ES256' }).find('EdDSA', undefined)).toBeUndefined();
    expect(await setOf({ ...first, alg: 'EdDSA' }).find('ES256', undefined)).toBeUndefined();
    expect((await setOf({ ...first, alg: 'ES256' }).find('ES256', undefined))?.size).toBe(1);
  });

  test('equals another with the same keys, whatever their order and that of their members', () => {
    const reversed = (jwk: JWK) => Object.fromEntries(Object.entries(jwk).toReversed()) as JWK;
    const set = setOf(first, second);
    expect(set.equals(setOf(reversed(second), reversed(first)))).toBe(true);
    expect(set.equals(setOf(first))).toBe(false);
    expect(set.equals(setOf(first, edwards))).toBe(false);
    expect(set.equals(setOf(first, { ...second, kid: 'a' }))).toBe(false);
    expect(set.equals(setOf(first, { ...second, use: 'sig' }))).toBe(false);
    expect(setOf().equals(setOf())).toBe(true);
  });

  test('warns of three keys of one kind without kid, which are too many to try', () => {
    const warningsOf = (...keys: readonly JWK[]) => {
      const warnings: string[] = [];
      setOf(...keys).warnOfKeysWithoutKid((text) => warnings.push(text));
      return warnings;
    };
    expect(warningsOf()).toStrictEqual([]);
    expect(warningsOf(first, second)).toStrictEqual([]);
    expect(warningsOf(first, second, edwards)).toStrictEqual([]);
    expect(warningsOf(first, second, { ...first, kid: 'a' })).toStrictEqual([]);
    expect(warningsOf(first, second, { ...first, use: 'enc' })).toStrictEqual([]);
    expect(warningsOf(first, second, { ...first, crv: 'P-384' }, { ...first, kty: 'OKP' })).toStrictEqual([]);
    expect(warningsOf(first, second, { ...first, use: 'sig' }, edwards)).toEqual([
      'the issuer https://issuer.test has 3 keys of one kind without kid, and the service tries only 2 keys per token: configure the issuer to send kid, or list fewer keys',
    ]);
  });

  test('fails if its only key for a token cannot be imported, and says which', async () => {
    const broken = { ...first, x: 'AAAA', kid: 'a' };
    await expect(setOf(broken).find('ES256', 'a')).rejects.toMatchObject({
      reason: 'issuer_unavailable',
      advice:
        'the issuer https://issuer.test has a key for ES256 that cannot be imported: check the members of that key in the key set',
      cause: expect.anything() as unknown,
    });
    await expect(setOf(broken, broken).find('ES256', undefined)).rejects.toMatchObject({
      reason: 'issuer_unavailable',
    });
    expect((await setOf(broken, first, second).find('ES256', undefined))?.size).toBe(2);
  });

  test('has no key with which others could sign, too', async () => {
    const small = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 1024,
        publicExponent: Uint8Array.of(1, 0, 1),
        hash: 'SHA-256',
      },
      true,
      ['sign', 'verify'],
    );
    const rsa = (await crypto.subtle.exportKey('jwk', small.publicKey)) as JWK;
    const { alg: _alg, key_ops: _ops, ext: _ext, ...members } = rsa;
    expect((await setOf(members).find('RS256', undefined))?.size).toBe(0);
    const ofLowOrder = { kty: 'OKP', crv: 'Ed25519', x: Buffer.alloc(32).toString('base64url') };
    expect((await setOf(ofLowOrder).find('EdDSA', undefined))?.size).toBe(0);
  });
});
