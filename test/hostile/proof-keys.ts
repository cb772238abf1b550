import { constants, createPublicKey, hash, sign } from 'node:crypto';
import { MARKER } from './baseline.js';
import {
  all,
  type Change,
  clientKey,
  dpopLines,
  jwk,
  proofClaims,
  proofCompact,
  proofHeader,
  proofHeaderOctets,
  proofPayloadOctets,
  proofSignature,
  proofSignedBy,
} from './changes.js';
import { encode } from './draft.js';
import { clients, type SigningKey } from './keys.js';
import { createOddRsaKey } from './odd-rsa-key.js';
import { accepted, badProof, type Row, rows } from './row.js';
import { flipFirstBit, flipLastBit, hmacSigner, toDer } from './signatures.js';

type Changes = Readonly<Record<string, Change>>;

const proofRows = (
  id: string,
  expect: Row['expect'],
  changes: Changes,
  from?: readonly Change[],
): readonly Row[] =>
  rows(changes, (what, change) => ({
    id,
    what: `proof: ${what}`,
    ...(from && { from }),
    change: [change],
    expect,
  }));

const malformed = badProof('proof_malformed');

const wellFormed = proofRows('C2', malformed, {
  'one part': proofCompact((header) => header),
  'two parts': proofCompact((header, payload) => `${header}.${payload}`),
  'two parts and a dot': proofCompact((header, payload) => `${header}.${payload}.`),
  'four parts': proofCompact(
    (header, payload, signature) => `${header}.${payload}.${signature}.${signature}`,
  ),
  'five parts, as a JWE': proofCompact(
    (header, payload, signature) => `${header}.${signature}.${signature}.${payload}.${signature}`,
  ),
  'an empty header': proofCompact((_, payload, signature) => `.${payload}.${signature}`),
  'an empty payload': proofCompact((header, _, signature) => `${header}..${signature}`),
  'dots only': proofCompact(() => '..'),
  'no JWT': proofCompact(() => MARKER),
  'a space within': proofCompact((header, payload, signature) => `${header}. ${payload}.${signature}`),
  'a tab within': proofCompact((header, payload, signature) => `${header}.\t${payload}.${signature}`),
  'padding after the header': proofCompact(
    (header, payload, signature) => `${header}=.${payload}.${signature}`,
  ),
  'padding after the signature': proofCompact(
    (header, payload, signature) => `${header}.${payload}.${signature}==`,
  ),
  'the alphabet of base64': proofCompact(
    (header, payload, signature) => `${header}.${payload}.+/${signature.slice(2)}`,
  ),
  'an octet beyond ASCII': proofCompact(
    (header, payload, signature) => `${header}\xe9.${payload}.${signature}`,
  ),
  'a signature whose last character encodes nothing': proofCompact(
    (header, payload, signature) => `${header}.${payload}.${signature.slice(0, -1)}`,
  ),
  quoted: proofCompact((header, payload, signature) => `"${header}.${payload}.${signature}"`),
  'with a scheme': proofCompact((header, payload, signature) => `DPoP ${header}.${payload}.${signature}`),
  'in JSON serialization': proofCompact((header, payload, signature) =>
    JSON.stringify({ protected: header, payload, signature }),
  ),
  'percent-encoded dots': proofCompact(
    (header, payload, signature) => `${header}%2E${payload}%2E${signature}`,
  ),
  'a header that is no JSON': proofHeaderOctets((json) => json.slice(0, -1)),
  'a header with text after it': proofHeaderOctets((json) => `${json}x`),
  'a header in an array': proofHeaderOctets((json) => `[${json}]`),
  'a header that is null': proofHeaderOctets(() => 'null'),
  'a header that is a string': proofHeaderOctets((json) => JSON.stringify(json)),
  'a header that is a number': proofHeaderOctets(() => '1'),
  'a header with single quotes': proofHeaderOctets((json) => json.replaceAll('"', "'")),
  'a header with a comment': proofHeaderOctets((json) => `/* ${MARKER} */${json}`),
  'a header with a comma too many': proofHeaderOctets((json) => json.replace(/}$/, ',}')),
  'a header after a byte order mark': proofHeaderOctets((json) => `\ufeff${json}`),
  'a header in UTF-16': proofHeaderOctets((json) => Buffer.from(json, 'utf16le')),
  'a payload that is no JSON': proofPayloadOctets((json) => json.slice(1)),
  'a payload in an array': proofPayloadOctets((json) => `[${json}]`),
  'a payload that is null': proofPayloadOctets(() => 'null'),
  'a payload that is true': proofPayloadOctets(() => 'true'),
  'a payload that is a string': proofPayloadOctets((json) => JSON.stringify(json)),
  'a payload that is a number': proofPayloadOctets(() => '1e400'),
  'a payload of white space': proofPayloadOctets(() => '   '),
  'a payload after a byte order mark': proofPayloadOctets((json) => `\ufeff${json}`),
  'a payload with a raw control character': proofPayloadOctets((json) =>
    json.replace(MARKER, `${MARKER}\u0001`),
  ),
  'a payload that is no UTF-8': proofPayloadOctets((json) =>
    Buffer.from(json.replace('{', '{"note":"\xff\xfe",'), 'latin1'),
  ),
  'a header that is no UTF-8': proofHeaderOctets((json) =>
    Buffer.from(json.replace('{', '{"note":"\xff\xfe",'), 'latin1'),
  ),
  'a payload with an overlong encoding': proofPayloadOctets((json) =>
    Buffer.from(json.replace('{', '{"note":"\xc0\xaf",'), 'latin1'),
  ),
});

const critical: readonly Row[] = [
  ...proofRows('C2', badProof('proof_crit'), {
    'crit that nobody knows': proofHeader({ crit: [MARKER], [MARKER]: 1 }),
    'crit of a registered parameter': proofHeader({ crit: ['exp'], exp: 1 }),
    'crit empty': proofHeader({ crit: [] }),
    'crit null': proofHeader({ crit: null }),
    'crit a string': proofHeader({ crit: 'b64' }),
    'unencoded payload': proofHeader({ b64: false, crit: ['b64'] }),
    'unencoded payload, not critical': proofHeader({ b64: false }),
  }),
  ...proofRows('C2', accepted, {
    'members that nobody knows': all(
      proofHeader({ [MARKER]: [MARKER] }),
      proofClaims({ [MARKER]: { a: null } }),
    ),
    'white space in the JSON': all(
      proofHeaderOctets((json) => JSON.stringify(JSON.parse(json), undefined, '\t')),
      proofPayloadOctets((json) => ` ${json}\r\n`),
    ),
  }),
];

const types: readonly Row[] = [
  ...rows<unknown>(
    {
      missing: undefined,
      null: null,
      empty: '',
      JWT: 'JWT',
      'at+jwt': 'at+jwt',
      'dpop+JWT': 'dpop+JWT',
      'DPoP+JWT': 'DPoP+JWT',
      'application/dpop+jwt': 'application/dpop+jwt',
      'with a space before': ' dpop+jwt',
      'with a space after': 'dpop+jwt ',
      'with NUL after': 'dpop+jwt\0',
      'in an array': ['dpop+jwt'],
      'an object': { toString: 'dpop+jwt' },
      'a text of the client': MARKER,
    },
    (what, typ) => ({
      id: 'C4',
      what: `typ ${what}`,
      change: [proofHeader({ typ })],
      expect: badProof('proof_typ'),
    }),
  ),
  ...proofRows('C4', badProof('proof_typ'), {
    'typ below __proto__ only': proofHeaderOctets((json) =>
      json.replace('"typ":"dpop+jwt"', '"__proto__":{"typ":"dpop+jwt"}'),
    ),
    'typ in another case of the name': proofHeaderOctets((json) => json.replace('"typ"', '"TYP"')),
    'typ in the payload only': all(proofHeader({ typ: undefined }), proofClaims({ typ: 'dpop+jwt' })),
  }),
];

const noSignature = proofCompact((header, payload) => `${header}.${payload}.${encode('x'.repeat(64))}`);
const pem = createPublicKey(clients.es256.privateKey).export({ type: 'spki', format: 'pem' }).toString();

const algorithms: readonly Row[] = [
  ...rows<unknown>(
    {
      missing: undefined,
      null: null,
      empty: '',
      none: 'none',
      None: 'None',
      NONE: 'NONE',
      es256: 'es256',
      'with a space': 'ES256 ',
      ES256K: 'ES256K',
      'RSA-OAEP': 'RSA-OAEP',
      dir: 'dir',
      RS1: 'RS1',
      'ML-DSA-44, which is off': 'ML-DSA-44',
      'in an array': ['ES256'],
      'a number': -7,
      'an object': {},
      'the name of a prototype': '__proto__',
      constructor: 'constructor',
      toString: 'toString',
      'a text of the client': MARKER,
    },
    (what, alg) => ({
      id: 'C5',
      what: `alg ${what}`,
      change: [proofHeader({ alg })],
      expect: badProof('proof_alg'),
    }),
  ),
  ...proofRows('C5', badProof('proof_alg'), {
    'alg none, made-up signature': all(proofHeader({ alg: 'none' }), noSignature),
    'alg HS256 keyed with the public key as PEM': all(
      proofHeader({ alg: 'HS256' }),
      proofSignedBy(hmacSigner(pem)),
    ),
    'alg HS256 keyed with the public key as JWK': all(
      proofHeader({ alg: 'HS256' }),
      proofSignedBy(hmacSigner(JSON.stringify(clients.es256.publicJwk))),
    ),
    'alg HS512 with a symmetric jwk': all(
      proofHeader({ alg: 'HS512', jwk: { kty: 'oct', k: encode(MARKER) } }),
      proofSignedBy(hmacSigner(MARKER)),
    ),
  }),
  ...proofRows('C2', malformed, {
    'alg none without a signature': all(
      proofHeader({ alg: 'none' }),
      proofCompact((header, payload) => `${header}.${payload}.`),
    ),
  }),
  {
    id: 'C5',
    what: 'an algorithm that this service leaves out',
    on: 'only-es256',
    change: [clientKey(clients.ps256)],
    expect: badProof('proof_alg'),
  },
  ...proofRows('C5', badProof('proof_jwk'), {
    'alg RS256 with an EC key': proofHeader({ alg: 'RS256' }),
    'alg PS256 with an EC key': proofHeader({ alg: 'PS256' }),
    'alg EdDSA with an EC key': proofHeader({ alg: 'EdDSA' }),
    'alg ES384 with a P-256 key': proofHeader({ alg: 'ES384' }),
    'alg ES512 with a P-256 key': proofHeader({ alg: 'ES512' }),
    'alg ES256 with a P-384 key': all(clientKey(clients.es384), proofHeader({ alg: 'ES256' })),
    'alg ES256 with an RSA key': all(clientKey(clients.rs256), proofHeader({ alg: 'ES256' })),
    'alg Ed25519 with an RSA key': all(clientKey(clients.rs256), proofHeader({ alg: 'Ed25519' })),
    'alg ES256 with an Ed25519 key': all(clientKey(clients.ed25519), proofHeader({ alg: 'ES256' })),
    'crv P-384 with coordinates of P-256': jwk({ crv: 'P-384' }),
    'crv p-256': jwk({ crv: 'p-256' }),
    'crv secp256k1': jwk({ crv: 'secp256k1' }),
    'crv missing': jwk({ crv: undefined }),
    'crv in an array': jwk({ crv: ['P-256'] }),
    'crv the name of a prototype': jwk({ crv: '__proto__' }),
    'kty RSA with the members of EC': jwk({ kty: 'RSA' }),
    'kty ec': jwk({ kty: 'ec' }),
    'kty oct': jwk({ kty: 'oct' }),
    'kty missing': jwk({ kty: undefined }),
    'kty null': jwk({ kty: null }),
    'kty in an array': jwk({ kty: ['EC'] }),
    'kty constructor': jwk({ kty: 'constructor' }),
    'alg within jwk another one': jwk({ alg: 'ES384' }),
    'alg within jwk none': jwk({ alg: 'none' }),
    'alg within jwk a number': jwk({ alg: 1 }),
    'use enc': jwk({ use: 'enc' }),
    'use a text of the client': jwk({ use: MARKER }),
    'key_ops that sign': jwk({ key_ops: ['sign'] }),
    'key_ops that encrypt': jwk({ key_ops: ['encrypt'] }),
    'key_ops empty': jwk({ key_ops: [] }),
    'key_ops a string': jwk({ key_ops: 'verify' }),
    'key_ops a number': jwk({ key_ops: 1 }),
    'key_ops twice the same': jwk({ key_ops: ['verify', 'verify'] }),
  }),
  ...proofRows(
    'C5',
    badProof('proof_jwk'),
    {
      'crv X25519': jwk({ crv: 'X25519' }),
      'crv Ed448': jwk({ crv: 'Ed448' }),
      'crv missing on kty OKP': jwk({ crv: undefined }),
    },
    [clientKey(clients.ed25519)],
  ),
  ...proofRows('C5', accepted, {
    'alg within jwk the same': jwk({ alg: 'ES256' }),
    'use sig and key_ops verify': jwk({ use: 'sig', key_ops: ['verify'] }),
  }),
];

const { x: X, y: Y } = clients.es256.publicJwk as { x: string; y: string };
const octetsOf = (value: string): Buffer => Buffer.from(value, 'base64url');

const keys: readonly Row[] = [
  ...rows<unknown>(
    {
      missing: undefined,
      null: null,
      'a string': JSON.stringify(clients.es256.publicJwk),
      'in an array': [clients.es256.publicJwk],
      'a number': 1,
      true: true,
      empty: {},
      'a key set': { keys: [clients.es256.publicJwk] },
    },
    (what, value) => ({
      id: 'C7',
      what: `jwk ${what}`,
      change: [proofHeader({ jwk: value })],
      expect: badProof('proof_jwk'),
    }),
  ),
  ...proofRows('C7', badProof('proof_jwk'), {
    'jwk below __proto__ only': proofHeaderOctets((json) => json.replace('"jwk":', '"__proto__":')),
    'the key in jku and x5c only': proofHeader({
      jwk: undefined,
      jku: `https://${MARKER}.example`,
      x5c: [MARKER],
    }),
    'x missing': jwk({ x: undefined }),
    'y missing': jwk({ y: undefined }),
    'x a number': jwk({ x: 1 }),
    'x in an array': jwk({ x: [X] }),
    'x empty': jwk({ x: '' }),
    'x with padding': jwk({ x: `${X}=` }),
    'x in base64': jwk({ x: `+/${X.slice(2)}` }),
    'x in hex': jwk({ x: octetsOf(X).toString('hex') }),
    'x one octet short': jwk({ x: encode(octetsOf(X).subarray(1)) }),
    'x one octet long': jwk({ x: encode(Buffer.concat([Buffer.of(0), octetsOf(X)])) }),
    'y one octet short': jwk({ y: encode(octetsOf(Y).subarray(0, 31)) }),
    'a point beside the curve': jwk({ x: encode(flipLastBit(octetsOf(X))) }),
    'x and y exchanged': jwk({ x: Y, y: X }),
    'the point (0, 0)': jwk({ x: encode(Buffer.alloc(32)), y: encode(Buffer.alloc(32)) }),
    'coordinates beyond the field': jwk({
      x: encode(Buffer.alloc(32, 0xff)),
      y: encode(Buffer.alloc(32, 0xff)),
    }),
  }),
  ...proofRows(
    'C7',
    badProof('proof_jwk'),
    {
      'Ed25519: x one octet short': jwk({ x: encode(Buffer.alloc(31, 1)) }),
      'Ed25519: x one octet long': jwk({ x: encode(Buffer.alloc(33, 1)) }),
      'Ed25519: x missing': jwk({ x: undefined }),
    },
    [clientKey(clients.ed25519)],
  ),
  ...proofRows(
    'C7',
    badProof('proof_jwk'),
    {
      'RSA: n missing': jwk({ n: undefined }),
      'RSA: e missing': jwk({ e: undefined }),
      'RSA: e a number': jwk({ e: 65_537 }),
      'RSA: n in base64': jwk({ n: `+/${String(clients.rs256.publicJwk['n']).slice(2)}` }),
    },
    [clientKey(clients.rs256)],
  ),
  ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'].map((member): Row => ({
    id: 'C7',
    what: `jwk with the private member ${member}`,
    change: [jwk({ [member]: encode(MARKER) })],
    expect: badProof('proof_jwk_private'),
  })),
  ...rows<unknown>({ null: null, empty: '', false: false, 'an array': [] }, (what, d) => ({
    id: 'C7',
    what: `jwk whose d is ${what}`,
    change: [jwk({ d })],
    expect: badProof('proof_jwk_private'),
  })),
  {
    id: 'C7',
    what: 'jwk that is the whole private key',
    change: [jwk({ ...clients.es256.privateKey.export({ format: 'jwk' }) })],
    expect: badProof('proof_jwk_private'),
  },
  {
    id: 'C7',
    what: 'jwk that is the whole private RSA key',
    from: [clientKey(clients.rs256)],
    change: [jwk({ ...clients.rs256.privateKey.export({ format: 'jwk' }) })],
    expect: badProof('proof_jwk_private'),
  },
];

/** Made when they are first asked for, once for both platforms. */
function oddKey(modulusBits: number, exponent: bigint): () => SigningKey {
  let key: SigningKey | undefined;
  return () => (key ??= createOddRsaKey(modulusBits, exponent));
}

const F4 = 65_537n;

const sizes: readonly Row[] = [
  ...rows(
    {
      'RSA of 1024 bits': oddKey(1024, F4),
      'RSA of 2047 bits': oddKey(2047, F4),
      'RSA of 4097 bits': oddKey(4097, F4),
      'RSA of 8192 bits': oddKey(8192, F4),
      'RSA with exponent 1, whose signatures anybody can write': oddKey(2048, 1n),
      'RSA with an exponent of 33 bits': oddKey(2048, 2n ** 32n + 15n),
      'RSA with an exponent of 1024 bits': oddKey(2048, 2n ** 1023n + 1155n),
    },
    (what, key): Row => ({
      id: 'C7',
      what,
      from: [clientKey(clients.rs256)],
      change: [clientKey(key)],
      expect: badProof('proof_jwk_size'),
    }),
  ),
  ...rows(
    {
      'RSA of 2048 bits, exponent 3': oddKey(2048, 3n),
      'RSA of 4096 bits': oddKey(4096, F4),
      'RSA with the greatest exponent of 32 bits': oddKey(2048, 2n ** 32n - 1n),
    },
    (what, key): Row => ({ id: 'C7', what, change: [clientKey(key)], expect: accepted }),
  ),
  ...proofRows(
    'C7',
    badProof('proof_jwk_size'),
    {
      'RSA: exponent 0': jwk({ e: 'AA' }),
      'RSA: exponent 2': jwk({ e: 'Ag' }),
      'RSA: modulus 0': jwk({ n: 'AA' }),
      'RSA: modulus of leading zeros': jwk({ n: encode(Buffer.concat([Buffer.alloc(256), Buffer.of(3)])) }),
    },
    [clientKey(clients.rs256)],
  ),
];

const invalid = badProof('proof_signature');

const signatures: readonly Row[] = [
  ...proofRows('C6', invalid, {
    'first bit of the signature flipped': proofSignature(flipFirstBit),
    'last bit of the signature flipped': proofSignature(flipLastBit),
    'signed by another key': proofSignedBy(clients.other),
    'signed by another key that kid, x5c, jku and x5u stand for': all(
      proofSignedBy(clients.other),
      proofHeader({
        kid: MARKER,
        x5c: [MARKER],
        jku: `https://${MARKER}.example`,
        x5u: `https://${MARKER}.example`,
      }),
    ),
    'signature in DER': proofSignature(toDer),
    'signature cut short': proofSignature((signature) => signature.subarray(0, 63)),
    'signature of one octet': proofSignature(() => Buffer.of(1)),
    'signature one octet too long': proofSignature((signature) => Buffer.concat([signature, Buffer.of(0)])),
    'signature twice': proofSignature((signature) => Buffer.concat([signature, signature])),
    'signature of zeros': proofSignature(() => Buffer.alloc(64)),
    'signature of ones': proofSignature(() => Buffer.alloc(64, 0xff)),
    'r and s exchanged': proofSignature((signature) =>
      Buffer.concat([signature.subarray(32), signature.subarray(0, 32)]),
    ),
    'signature of the payload alone': proofSignature((_, input) =>
      clients.es256.sign(Buffer.from(input.toString().split('.')[1] ?? '')),
    ),
    'signature by SHA-384': proofSignature((_, input) =>
      sign('sha384', input, { key: clients.es256.privateKey, dsaEncoding: 'ieee-p1363' }),
    ),
    'signature of the digest': proofSignature((_, input) =>
      clients.es256.sign(hash('sha256', input, 'buffer')),
    ),
    'payload exchanged after signing': proofCompact(
      (header, payload, signature) =>
        `${header}.${encode(octetsOf(payload).toString().replace('{', '{"a":1,'))}.${signature}`,
    ),
    'header exchanged after signing': proofCompact(
      (header, payload, signature) =>
        `${encode(octetsOf(header).toString().replace('{', '{"a":1,'))}.${payload}.${signature}`,
    ),
    'the key mirrored: the same x, the other y': (draft, context) => jwk({ y: mirrored(Y) })(draft, context),
  }),
  ...proofRows(
    'C6',
    invalid,
    {
      'RS256 signed as PS256': proofSignature((_, input) => signPss(input, constants.RSA_PSS_SALTLEN_DIGEST)),
      'RS256 signed by SHA-512': proofSignature((_, input) =>
        sign('sha512', input, clients.rs256.privateKey),
      ),
      'RS256 with a zero before the signature': proofSignature((signature) =>
        Buffer.concat([Buffer.of(0), signature]),
      ),
      'RS256 with an empty padding': proofSignature(() => Buffer.alloc(256)),
    },
    [clientKey(clients.rs256)],
  ),
  ...proofRows(
    'C6',
    invalid,
    {
      'PS256 signed as RS256': proofSignature((_, input) => sign('sha256', input, clients.ps256.privateKey)),
      'PS256 without salt': proofSignature((_, input) => signPss(input, 0, clients.ps256)),
      'PS256 with the longest salt': proofSignature((_, input) =>
        signPss(input, constants.RSA_PSS_SALTLEN_MAX_SIGN, clients.ps256),
      ),
    },
    [clientKey(clients.ps256)],
  ),
  ...proofRows(
    'C6',
    invalid,
    {
      'Ed25519: first bit of the signature flipped': proofSignature(flipFirstBit),
      'Ed25519: signature of zeros': proofSignature(() => Buffer.alloc(64)),
      'Ed25519: s beyond the order': proofSignature((signature) =>
        Buffer.concat([signature.subarray(0, 32), Buffer.alloc(32, 0xff)]),
      ),
    },
    [clientKey(clients.ed25519)],
  ),
  ...proofRows('C6', accepted, {
    'kid, x5c, jku and x5u of somebody else': proofHeader({
      kid: MARKER,
      x5c: [MARKER],
      jku: `https://${MARKER}.example`,
      x5u: `https://${MARKER}.example`,
    }),
  }),
  {
    id: 'C6',
    what: 'the token in place of the proof',
    change: [(draft) => ({ ...draft, proof: { ...draft.token, compact: draft.proof.compact } })],
    expect: badProof('proof_typ'),
  },
  {
    id: 'C6',
    what: 'no DPoP field',
    change: [dpopLines(() => [])],
    expect: badProof('proof_missing'),
  },
];

function signPss(input: Buffer, saltLength: number, { privateKey } = clients.rs256): Buffer {
  return sign('sha256', input, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}

const P256_FIELD = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;

function mirrored(y: string): string {
  const value = P256_FIELD - BigInt(`0x${octetsOf(y).toString('hex')}`);
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toString('base64url');
}

export const sectionCProof: readonly Row[] = [
  ...wellFormed,
  ...critical,
  ...types,
  ...algorithms,
  ...keys,
  ...sizes,
  ...signatures,
];
