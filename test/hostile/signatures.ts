import { createHmac } from 'node:crypto';
import { fromBytes, toBytes } from './odd-rsa-key.js';

/** Signs with a secret: for those who take a public key for one. */
export const hmacSigner = (secret: string | Buffer): { readonly sign: (input: Uint8Array) => Buffer } => ({
  sign: (input) => createHmac('sha256', secret).update(input).digest(),
});

export function flipBit(octets: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(octets);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

export const flipFirstBit = (octets: Buffer): Buffer => flipBit(octets, 0);
export const flipLastBit = (octets: Buffer): Buffer => flipBit(octets, octets.length * 8 - 1);

/** An ES256 signature as X.509 writes it, where JWS has R and S side by side. */
export function toDer(signature: Buffer): Buffer {
  const integers = Buffer.concat([derInteger(signature.subarray(0, 32)), derInteger(signature.subarray(32))]);
  return Buffer.concat([Buffer.of(0x30, integers.length), integers]);
}

function derInteger(octets: Buffer): Buffer {
  const value = toBytes(fromBytes(octets), Math.ceil((fromBytes(octets).toString(2).length + 1) / 8));
  return Buffer.concat([Buffer.of(0x02, value.length), value]);
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other valid signature of the same octets by the same key: (r, n − s). */
export function negateS(signature: Buffer): Buffer {
  const s = P256_ORDER - fromBytes(signature.subarray(32));
  return Buffer.concat([signature.subarray(0, 32), toBytes(s, 32)]);
}
