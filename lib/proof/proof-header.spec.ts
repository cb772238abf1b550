import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { DpopError } from '../errors/dpop.error.js';
import { DEFAULT_ALGORITHMS, JWS_ALGORITHMS } from '../jws/algorithms.js';
import { parseCompactProof } from './compact-proof.js';
import { parseProofHeader, type ProofHeader } from './proof-header.js';
import { importProofKey, assertProofSignature } from './proof-signature.js';

const ALL = new Set(JWS_ALGORITHMS.keys());
const EC = {
  kty: 'EC',
  crv: 'P-256',
  x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
  y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
};
const OKP = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
const rsa = (bits: number, e = 'AQAB') => {
  const octets = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  octets[0] = 0xff >> (octets.length * 8 - bits);
  return { kty: 'RSA', n: octets.toString('base64url'), e };
};

const encode = (header: unknown) => Buffer.from(JSON.stringify(header)).toString('base64url');
const VALID = { typ: 'dpop+jwt', alg: 'ES256', jwk: EC };

function parse(header: unknown, algorithms: ReadonlySet<string> = ALL): ProofHeader {
  return parseProofHeader(encode(header), algorithms);
}

function reasonOf(header: unknown, algorithms?: ReadonlySet<string>): string | undefined {
  try {
    parse(header, algorithms);
    return undefined;
  } catch (error) {
    return error instanceof DpopError ? error.reason : String(error);
  }
}

describe('the header of a proof (C2)', () => {
  test.each(['[]', '"text"', 'null', '1', '', '{', '{"a":1}}'])('is a JSON object: not %j', (json) => {
    const segment = Buffer.from(json).toString('base64url');
    expect(() => parseProofHeader(segment, ALL)).toThrow(new DpopError('proof_malformed'));
  });

  test.each([{ crit: ['b64'], b64: false }, { b64: false }, { crit: [] }, { crit: ['exp'] }, { crit: null }])(
    'has no extension that must be understood: %j',
    (extension) => {
      expect(reasonOf({ ...VALID, ...extension })).toBe('proof_crit');
    },
  );

  test('kid, x5c, jku and x5u are ignored (C6)', () => {
    const beside = { kid: 'k', x5c: ['x'], jku: 'https://evil.example/keys', x5u: 'https://evil.example/x' };
    expect(parse({ ...VALID, ...beside })).toEqual(parse(VALID));
  });

  test('whatever it holds, it ends in a header or a refusal', () => {
    const jwk = fc.record(
      {
        kty: fc.constantFrom('EC', 'RSA', 'OKP', 'AKP', 'oct'),
        crv: fc.jsonValue(),
        x: fc.jsonValue(),
        n: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const header = fc.record(
      {
        typ: fc.constant('dpop+jwt'),
        alg: fc.oneof(fc.constantFrom(...ALL), fc.jsonValue()),
        jwk: fc.oneof(jwk, fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    fc.assert(fc.property(header, (value) => expect(reasonOf(value) ?? 'proof_').toMatch(/^proof_/)));
  });
});

describe('typ (C4)', () => {
  test.each([
    'jwt',
    'JWT',
    'at+jwt',
    'DPoP+jwt',
    'dpop+JWT',
    'application/dpop+jwt',
    'dpop+jwt ',
    '',
    null,
    undefined,
    1,
    ['dpop+jwt'],
  ])('is exactly dpop+jwt: not %j', (typ) => {
    expect(reasonOf({ ...VALID, typ })).toBe('proof_typ');
  });
});

describe('alg (C5)', () => {
  test.each([
    'none',
    'None',
    'HS256',
    'HS512',
    'ES256K',
    'es256',
    'RSA-OAEP',
    'Ed448',
    '__proto__',
    'constructor',
    '',
    null,
    undefined,
    1,
    ['ES256'],
  ])('is of the asymmetric ones: not %j', (alg) => {
    expect(reasonOf({ ...VALID, alg })).toBe('proof_alg');
  });

  test('is of those configured', () => {
    expect(reasonOf(VALID, new Set(['ES256']))).toBeUndefined();
    expect(reasonOf(VALID, new Set(['PS256']))).toBe('proof_alg');
    expect(DEFAULT_ALGORITHMS).not.toContain('none');
  });

  test.each([
    ['ES256', { ...EC, crv: 'P-384' }],
    ['ES256', { ...EC, crv: 'secp256k1' }],
    ['ES256', { ...EC, crv: undefined }],
    ['ES256', { ...EC, kty: 'RSA' }],
    ['ES256', OKP],
    ['ES384', EC],
    ['ES512', EC],
    ['Ed25519', { ...OKP, crv: 'X25519' }],
    ['Ed25519', { ...OKP, crv: 'Ed448' }],
    ['EdDSA', { ...OKP, crv: 'Ed448' }],
    ['EdDSA', EC],
    ['PS256', EC],
    ['RS256', { ...rsa(2048), crv: 'P-256' }],
    ['ES256', { ...EC, alg: 'ES384' }],
    ['PS256', { ...rsa(2048), alg: 'RS256' }],
    ['ES256', { ...EC, use: 'enc' }],
    ['ES256', { ...EC, key_ops: ['verify', 'sign'] }],
    ['ES256', { ...EC, key_ops: ['verify', 'verify'] }],
    ['ES256', { ...EC, key_ops: [] }],
    ['ES256', { ...EC, key_ops: 'verify' }],
    ['ES256', { ...EC, ext: null }],
    ['ES256', { ...EC, ext: 'no' }],
    ['ML-DSA-44', { kty: 'AKP', pub: 'A'.repeat(1750) }],
    ['ML-DSA-44', { kty: 'AKP', alg: 'ML-DSA-65', pub: 'A'.repeat(1750) }],
  ])('%s agrees with the key: not %j', (alg, jwk) => {
    expect(reasonOf({ ...VALID, alg, jwk })).toBe('proof_jwk');
  });

  test.each([
    ['ES256', EC],
    ['ES256', { ...EC, alg: 'ES256', use: 'sig', key_ops: ['verify'], ext: false }],
    ['Ed25519', OKP],
    ['EdDSA', OKP],
    ['RS256', rsa(2048)],
    ['ML-DSA-44', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'A'.repeat(1750) }],
  ])('%s agrees with the key: %j', (alg, jwk) => {
    expect(reasonOf({ ...VALID, alg, jwk })).toBeUndefined();
  });
});

describe('jwk (C7)', () => {
  test.each([undefined, null, 'text', 1, true, []])('is an object: not %j', (jwk) => {
    expect(reasonOf({ ...VALID, jwk })).toBe('proof_jwk');
  });

  test.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'])(
    'holds no %s, whatever its value',
    (member) => {
      for (const value of ['AQ', '', null, 0, []])
        expect(reasonOf({ ...VALID, jwk: { ...EC, [member]: value } })).toBe('proof_jwk_private');
    },
  );

  test('is not symmetric', () => {
    expect(reasonOf({ ...VALID, jwk: { kty: 'oct', k: 'AQ' } })).toBe('proof_jwk_private');
    expect(reasonOf({ ...VALID, jwk: { kty: 'oct' } })).toBe('proof_jwk');
  });

  test.each([
    [{ ...EC, x: undefined }],
    [{ ...EC, y: undefined }],
    [{ ...EC, x: 1 }],
    [{ ...EC, x: `${EC.x.slice(0, -1)}=` }],
    [{ ...EC, x: `${EC.x.slice(0, -1)}+` }],
    [{ ...EC, x: EC.x.slice(0, -1) }],
    [{ ...EC, y: `${EC.y}A` }],
    [{ ...EC, x: '"},"y":"' }],
    [{ ...EC, x: '' }],
  ])('has its members in base64url of the right length: not %j', (jwk) => {
    expect(reasonOf({ ...VALID, jwk })).toBe('proof_jwk');
  });

  test.each([
    [2047, 'proof_jwk_size'],
    [1024, 'proof_jwk_size'],
    [2048, undefined],
    [3072, undefined],
    [4096, undefined],
    [4097, 'proof_jwk_size'],
    [8192, 'proof_jwk_size'],
  ])('has an RSA modulus of 2048 to 4096 bits: %i', (bits, reason) => {
    expect(reasonOf({ ...VALID, alg: 'PS256', jwk: rsa(bits) })).toBe(reason);
  });

  test('has an RSA modulus whose zeros in front do not count', () => {
    const padded = (bits: number) =>
      Buffer.concat([Buffer.alloc(128), Buffer.from(rsa(bits).n, 'base64url')]).toString('base64url');
    expect(reasonOf({ ...VALID, alg: 'RS256', jwk: { ...rsa(1024), n: padded(1024) } })).toBe(
      'proof_jwk_size',
    );
    expect(reasonOf({ ...VALID, alg: 'RS256', jwk: { ...rsa(4096), n: padded(4096) } })).toBeUndefined();
    expect(reasonOf({ ...VALID, alg: 'RS256', jwk: { ...rsa(2048), n: 'A'.repeat(342) } })).toBe(
      'proof_jwk_size',
    );
  });

  test.each([
    ['AA', 'proof_jwk_size'],
    ['AQ', 'proof_jwk_size'],
    ['Ag', 'proof_jwk_size'],
    ['Aw', undefined],
    ['AQAB', undefined],
    ['_____w', undefined],
    ['AP____8', undefined],
    ['AQAAAAA', 'proof_jwk_size'],
    ['_'.repeat(340), 'proof_jwk_size'],
  ])('has an RSA exponent from 3 to 32 bits: %s', (e, reason) => {
    expect(reasonOf({ ...VALID, alg: 'RS256', jwk: rsa(2048, e) })).toBe(reason);
  });
});

describe('the signature (C6)', () => {
  const keys = new Map<string, { readonly privateKey: CryptoKey; readonly jwk: JWK }>();

  beforeAll(async () => {
    // One RSA key for all: they take long to make.
    const rsaKey = await exportJWK((await generateKeyPair('RS256', { extractable: true })).privateKey);
    for (const alg of DEFAULT_ALGORITHMS) keys.set(alg, await createKey(alg, rsaKey));
  });

  async function createKey(alg: string, rsaKey: JWK): Promise<{ privateKey: CryptoKey; jwk: JWK }> {
    if (/^[PR]S/.test(alg)) {
      const { kty, n, e } = rsaKey;
      return { privateKey: (await importJWK(rsaKey, alg)) as CryptoKey, jwk: { kty, n, e } as JWK };
    }
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    return { privateKey, jwk: await exportJWK(publicKey) };
  }

  async function sign(alg: string, jwk?: object): Promise<string> {
    const pair = keys.get(alg);
    if (pair === undefined) throw new Error(`no key for ${alg}`);
    return await new CompactSign(Buffer.from('{}'))
      .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk: jwk ?? pair.jwk })
      .sign(pair.privateKey);
  }

  async function verify(proof: string): Promise<string | undefined> {
    try {
      const compact = parseCompactProof(proof);
      assertProofSignature(compact, importProofKey(parseProofHeader(compact.header, ALL)));
      return undefined;
    } catch (error) {
      return error instanceof DpopError ? error.reason : String(error);
    }
  }

  test.each(DEFAULT_ALGORITHMS)('of %s is verified with the key in the header', async (alg) => {
    const proof = await sign(alg);
    expect(await verify(proof)).toBeUndefined();
    const [header = '', , signature = ''] = proof.split('.');
    const payload = Buffer.from('{"a":1}').toString('base64url');
    expect(await verify(`${header}.${payload}.${signature}`)).toBe('proof_signature');
  });

  test.each(['AAAA', 'A', '_'.repeat(86), 'A'.repeat(86), 'A'.repeat(4000)])(
    'is refused and nothing thrown when it is impossible: %s',
    async (signature) => {
      for (const alg of ['ES256', 'ES512', 'PS256', 'RS256', 'Ed25519']) {
        const [header = '', payload = ''] = (await sign(alg)).split('.');
        expect(await verify(`${header}.${payload}.${signature}`)).toMatch(/^proof_(signature|malformed)$/);
      }
    },
  );

  test('of another key is refused', async () => {
    expect(await verify(await sign('ES256', EC))).toBe('proof_signature');
  });

  test('DER instead of r and s is refused', async () => {
    const [header = '', payload = '', signature = ''] = (await sign('ES256')).split('.');
    const raw = Buffer.from(signature, 'base64url');
    const integer = (bytes: Buffer) => Buffer.concat([Buffer.from([2, bytes.length + 1, 0]), bytes]);
    const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
    const der = Buffer.concat([Buffer.from([0x30, body.length]), body]).toString('base64url');
    expect(await verify(`${header}.${payload}.${der}`)).toBe('proof_signature');
  });

  test.each([
    ['a point off the curve', { ...EC, y: EC.x }],
    ['the point at infinity', { ...EC, x: 'A'.repeat(43), y: 'A'.repeat(43) }],
    ['key_ops that do not verify', { ...EC, key_ops: ['sign'] }],
    ['key_ops that are no list', { ...EC, key_ops: 'verify' }],
    ['key_ops that name nothing', { ...EC, key_ops: ['dance'] }],
    ['key_ops that allow nothing', { ...EC, key_ops: [] }],
  ])('with %s is refused', async (_what, jwk) => {
    expect(await verify(await sign('ES256', jwk))).toBe('proof_jwk');
  });
});
