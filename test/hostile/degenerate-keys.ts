import { clientKey, jwk } from './changes.js';
import { encode } from './draft.js';
import { forgedProof, forgedToken, SMALL_ORDER_POINTS } from './forgeries.js';
import { clients, type SigningKey } from './keys.js';
import { createOddRsaKey } from './odd-rsa-key.js';
import { badProof, badToken, type Row, rows } from './row.js';

const F4 = 65_537n;

/** Made when they are first asked for, once for both platforms. */
function rsaKeyWithFactor(factor: bigint): () => SigningKey {
  let key: SigningKey | undefined;
  return () => (key ??= createOddRsaKey(2048, F4, [factor]));
}

const modulus = Buffer.from(String(clients.rs256.publicJwk['n']), 'base64url');
const evenModulus = Buffer.concat([modulus.subarray(0, -1), Buffer.of(2)]);

/** Keys under which everybody can sign, and signatures that somebody made. */
export const degenerateKeys: readonly Row[] = [
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
