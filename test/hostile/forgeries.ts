import { createPublicKey, verify } from 'node:crypto';
import { type Change, all, clientKey, proofCompact, tokenCompact, tokenHeader } from './changes.js';
import { encode } from './draft.js';
import type { Json, SigningKey } from './keys.js';
import { invert, power, toBytes } from './odd-rsa-key.js';

const FIELD = 2n ** 255n - 19n;

const ORDER_EIGHT = findOrderEight();

/**
 * The y of a point of order 8, worked out anew. Doubled, it has y = 0, so that x² = −y²; on the curve
 * −x² + y² = 1 + d·x²·y² that is d·y⁴ + 2·y² = 1.
 */
function findOrderEight(): bigint {
  const d = FIELD - ((121_665n * invert(121_666n, FIELD)) % FIELD);
  const root = squareRoot(1n + d) ?? 0n;
  const [first, second] = [root - 1n, FIELD - root - 1n].map((value) =>
    squareRoot((value * invert(d, FIELD)) % FIELD),
  );
  return first ?? second ?? 0n;
}

/** Modulo the field, whose order is 5 modulo 8. */
function squareRoot(square: bigint): bigint | undefined {
  const root = power(square, (FIELD + 3n) / 8n, FIELD);
  const other = (root * power(2n, (FIELD - 1n) / 4n, FIELD)) % FIELD;
  return [root, other].find((candidate) => (candidate * candidate) % FIELD === square % FIELD);
}

const encodePoint = (y: bigint, sign: boolean): Buffer => {
  const octets = Buffer.from(toBytes(y, 32).toReversed());
  octets[31] = (octets[31] ?? 0) | (sign ? 0x80 : 0);
  return octets;
};

const Y: Readonly<Record<string, bigint>> = {
  'order 1': 1n,
  'order 2': FIELD - 1n,
  'order 4': 0n,
  'order 8': ORDER_EIGHT,
  'order 8, the other y': FIELD - ORDER_EIGHT,
  'order 1, beyond the field': FIELD + 1n,
  'order 4, beyond the field': FIELD,
};

/** Every spelling of the points of Ed25519 whose order divides 8, canonical or not. */
export const SMALL_ORDER_POINTS: Readonly<Record<string, Buffer>> = Object.fromEntries(
  Object.entries(Y).flatMap(([what, y]) => [
    [what, encodePoint(y, false)],
    [`${what}, the sign bit set`, encodePoint(y, true)],
  ]),
);

export const ed25519Jwk = (point: Uint8Array): Json => ({ kty: 'OKP', crv: 'Ed25519', x: encode(point) });

/** A public key without a private one. */
export const smallOrderKey = (point: Uint8Array): SigningKey => ({
  alg: 'Ed25519',
  publicJwk: ed25519Jwk(point),
  sign: () => Buffer.alloc(64),
});

const ATTEMPTS = 40;

/**
 * A JWT under a key of small order, made without any secret: S = 0, an R of small order, and a `jti` that is varied
 * until they fit. Some versions of Node refuse all of them; then the last attempt comes back.
 */
export function forgeJws(point: Uint8Array, header: string, payload: string): string {
  const key = createPublicKey({ key: ed25519Jwk(point), format: 'jwk' });
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Json;
  let forged = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const jti = `${String(claims['jti'])}-${attempt}`;
    const input = `${header}.${encode(JSON.stringify({ ...claims, jti }))}`;
    for (const r of Object.values(SMALL_ORDER_POINTS)) {
      const signature = Buffer.concat([r, Buffer.alloc(32)]);
      forged = `${input}.${encode(signature)}`;
      if (verify(null, Buffer.from(input), key, signature)) return forged;
    }
  }
  return forged;
}

/** Whether this Node takes a forgery for a signature. */
export function isVerified(point: Uint8Array, jws: string): boolean {
  const end = jws.lastIndexOf('.');
  const key = createPublicKey({ key: ed25519Jwk(point), format: 'jwk' });
  return verify(null, Buffer.from(jws.slice(0, end)), key, Buffer.from(jws.slice(end + 1), 'base64url'));
}

/** A client whose key everybody can sign with, and a proof that somebody made. */
export const forgedProof = (point: Uint8Array): Change =>
  all(
    clientKey(smallOrderKey(point)),
    proofCompact((header, payload) => forgeJws(point, header, payload)),
  );

/** A token that somebody made, since the issuer has such a key. */
export const forgedToken = (kid: string, point: Uint8Array): Change =>
  all(
    tokenHeader({ alg: 'Ed25519', kid }),
    tokenCompact((header, payload) => forgeJws(point, header, payload)),
  );
