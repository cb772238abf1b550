import { clientKey, jwk } from './changes.js';
import { encode } from './draft.js';
import { forgedProof, forgedToken, SMALL_ORDER_POINTS } from './forgeries.js';
import { clients, type SigningKey } from './keys.js';
import { createOddRsaKey } from './odd-rsa-key.js';
import { accepted, badProof, badToken, type Row, rows } from './row.js';

const F4 = 65_537n;

/** Made when they are first asked for, once for both platforms. */
function rsaKeyWithFactor(factor: bigint): () => SigningKey {
  let key: SigningKey | undefined;
  return () => (key ??= createOddRsaKey(2048, F4, [factor]));
}

const modulus = Buffer.from(String(clients.rs256.publicJwk['n']), 'base64url');
const evenModulus = Buffer.concat([modulus.subarray(0, -1), Buffer.of(2)]);

/** Keys under which everybody can sign, and signatures that somebody made. */
const degenerate: readonly Row[] = [
  ...rows(SMALL_ORDER_POINTS, (what, point): Row => ({
    id: 'C7',
    what: `Ed25519 key of ${what}, a forged proof`,
    from: [clientKey(clients.ed25519)],
    change: [forgedProof(point)],
    expect: badProof('proof_jwk'),
  })),
  ...rows({ 'a y of 3 beyond the field': 3, 'the greatest y beyond the field': 18 }, (what, excess): Row => ({
    id: 'C7',
    what: `Ed25519 key with ${what}`,
    from: [clientKey(clients.ed25519)],
    change: [
      jwk({ x: encode(Buffer.concat([Buffer.of(0xed + excess), Buffer.alloc(30, 0xff), Buffer.of(0x7f)])) }),
    ],
    expect: badProof('proof_jwk'),
  })),
  ...rows({ 3: 3n, 5: 5n, 743: 743n }, (factor, value): Row => ({
    id: 'C7',
    what: `RSA modulus that ${factor} divides, rightly signed`,
    from: [clientKey(clients.rs256)],
    change: [clientKey(rsaKeyWithFactor(value))],
    expect: badProof('proof_jwk'),
  })),
  ...rows(
    { 'modulus that is even': { n: encode(evenModulus) }, 'exponent that is even': { e: 'AQAC' } },
    (what, members): Row => ({
      id: 'C7',
      what: `RSA ${what}`,
      from: [clientKey(clients.rs256)],
      change: [jwk(members)],
      expect: badProof('proof_jwk'),
    }),
  ),
  ...rows(SMALL_ORDER_POINTS, (kid, point): Row => ({
    id: 'B1',
    what: `token: forged under a key of the issuer of ${kid}`,
    on: 'small-order-issuer',
    change: [forgedToken(kid, point)],
    expect: badToken('token_invalid'),
  })),
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

export const sectionCKeys: readonly Row[] = [...degenerate, ...names];
