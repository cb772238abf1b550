import type { RefusalDetail } from '../errors/catalogue.js';
import { DpopError } from '../errors/dpop.error.js';
import { JWS_ALGORITHMS, type JwsAlgorithm, type KeyMember } from '../jws/algorithms.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { isPrivateJwk } from '../jws/private-jwk.js';

const BASE64URL = /^[\w-]+$/;

/**
 * Check 7 of §4.3: the `jwk` is a public key. Its `alg`, `kty` and `crv` agree with the algorithm of the proof.
 *
 * @throws DpopError one of `proof_jwk…`
 */
export function assertPublicKey(jwk: unknown, algorithm: JwsAlgorithm): asserts jwk is JsonObject {
  if (!isJsonObject(jwk)) throw unusable('jwk');
  if (isPrivateJwk(jwk)) throw new DpopError('proof_jwk_private', { detail: 'jwk' });
  if (jwk['kty'] !== algorithm.kty) throw unusable('kty');
  if (jwk['crv'] !== algorithm.crv) throw unusable('crv');
  if (jwk['alg'] !== undefined || algorithm.kty === 'AKP') {
    // Compares algorithms, not names: EdDSA and Ed25519 are the same algorithm (RFC 9864).
    if (JWS_ALGORITHMS.get(jwk['alg'] as string) !== algorithm) throw unusable('alg');
  }
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') throw unusable('use');
  if (jwk['key_ops'] !== undefined && !isVerifyAlone(jwk['key_ops'])) throw unusable('key_ops');
  if (jwk['ext'] !== undefined && typeof jwk['ext'] !== 'boolean') throw unusable('ext');
  for (const name in algorithm.members) {
    const member = name as KeyMember;
    const value = jwk[member];
    const length = algorithm.members[member];
    if (typeof value !== 'string' || !BASE64URL.test(value)) throw unusable(member);
    if (length !== undefined && value.length !== length) throw unusable(member);
  }
  if (algorithm.kty === 'RSA') assertRsaSize(String(jwk['n']), String(jwk['e']));
}

const unusable = (detail: RefusalDetail): DpopError => new DpopError('proof_jwk', { detail });

/** `verify` is the only operation of a public signature key (RFC 7517 §4.3). */
const isVerifyAlone = (operations: unknown): boolean =>
  Array.isArray(operations) && operations.length === 1 && operations[0] === 'verify';

/**
 * A modulus of 2048 to 4096 bits, and an exponent of 3 to 2³²−1. An attacker could choose a large exponent: the service
 * then needs milliseconds of CPU for each proof, and the attacker needs none.
 */
function assertRsaSize(n: string, e: string): void {
  const modulusBits = bitLength(n);
  if (modulusBits < 2048 || modulusBits > 4096) throw new DpopError('proof_jwk_size', { detail: 'n' });
  const exponent = Number(`0x0${Buffer.from(e, 'base64url').toString('hex')}`);
  if (exponent < 3 || exponent >= 2 ** 32) throw new DpopError('proof_jwk_size', { detail: 'e' });
}

function bitLength(value: string): number {
  const bytes = Buffer.from(value, 'base64url');
  const first = bytes.findIndex((byte) => byte !== 0);
  if (first === -1) return 0;
  return (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}
