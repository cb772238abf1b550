import { constants, hash, sign } from 'node:crypto';
import { MARKER } from './baseline.js';
import {
  all,
  clientKey,
  dpopLines,
  jwk,
  proofCompact,
  proofHeader,
  proofSignature,
  proofSignedBy,
} from './changes.js';
import { encode } from './draft.js';
import { clients } from './keys.js';
import { proofRows } from './proof-rows.js';
import { accepted, badProof, type Row } from './row.js';
import { flipFirstBit, flipLastBit, toDer } from './signatures.js';

const { y: Y } = clients.es256.publicJwk as { y: string };
const octetsOf = (value: string): Buffer => Buffer.from(value, 'base64url');

const invalid = badProof('proof_signature');

export const proofSignatures: readonly Row[] = [
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
