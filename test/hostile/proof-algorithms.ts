import { createPublicKey } from 'node:crypto';
import { MARKER } from './baseline.js';
import { all, clientKey, jwk, proofCompact, proofHeader, proofSignedBy } from './changes.js';
import { encode } from './draft.js';
import { clients } from './keys.js';
import { proofRows } from './proof-rows.js';
import { accepted, badProof, type Row, rows } from './row.js';
import { hmacSigner } from './signatures.js';

const malformed = badProof('proof_malformed');

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

/** RFC 9864: one algorithm with two names, of which the header says one and the key the other. */
const names: readonly Row[] = [
  ...rows(
    {
      'alg EdDSA, alg within jwk Ed25519': { key: clients.eddsa, alg: 'Ed25519' },
      'alg Ed25519, alg within jwk EdDSA': { key: clients.ed25519, alg: 'EdDSA' },
      'alg EdDSA, alg within jwk EdDSA': { key: clients.eddsa, alg: 'EdDSA' },
      'alg Ed25519, alg within jwk Ed25519': { key: clients.ed25519, alg: 'Ed25519' },
    },
    (what, { key, alg }): Row => ({
      id: 'C5',
      what,
      change: [clientKey(key), jwk({ alg })],
      expect: accepted,
    }),
  ),
  ...rows<unknown>(
    { Ed448: 'Ed448', ed25519: 'ed25519', ES256: 'ES256', 'in an array': ['EdDSA'], null: null },
    (what, alg): Row => ({
      id: 'C5',
      what: `alg Ed25519, alg within jwk ${what}`,
      from: [clientKey(clients.ed25519)],
      change: [jwk({ alg })],
      expect: badProof('proof_jwk'),
    }),
  ),
];

export const proofAlgorithms: readonly Row[] = [...algorithms, ...names];
