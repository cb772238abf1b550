import { MARKER } from './baseline.js';
import { clientKey, jwk, proofHeader, proofHeaderOctets } from './changes.js';
import { encode } from './draft.js';
import { clients, type SigningKey } from './keys.js';
import { createOddRsaKey } from './odd-rsa-key.js';
import { proofRows } from './proof-rows.js';
import { accepted, badProof, type Row, rows } from './row.js';
import { flipLastBit } from './signatures.js';

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

export const proofKeys: readonly Row[] = [...keys, ...sizes];
