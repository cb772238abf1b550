import { createLocalJWKSet, type CryptoKey, type JWK, type JWTVerifyResult, jwtVerify } from 'jose';
import type { JwtAccessTokenOptions } from '../../lib/index.js';
import { isText } from './text.js';

const TOLERANCE_SECONDS = 10;

/** A judgement of access tokens by jose's own `jwtVerify`, and of what RFC 9068 asks beside it. */
export async function acceptsTokenTheLongWay(
  token: string,
  { issuer, audience, keys, algorithms = [] }: JwtAccessTokenOptions,
  nowSeconds: number,
): Promise<boolean> {
  const segments = token.split('.');
  // jose forgives padding, the alphabet of base64, octets that are no UTF-8, and byte order marks.
  if (segments.length !== 3 || !segments.every((segment) => /^[\w-]+$/.test(segment))) return false;
  if (!segments.slice(0, 2).every(isText)) return false;
  const rules = {
    algorithms: [...algorithms],
    issuer,
    audience: String(audience),
    clockTolerance: TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
    currentDate: new Date(nowSeconds * 1000),
  };
  const verify = async (): Promise<JWTVerifyResult> => {
    try {
      return await jwtVerify(token, createLocalJWKSet({ keys: (keys?.keys ?? []).map(withoutAlias) }), rules);
    } catch (several) {
      if ((several as { code?: unknown }).code !== 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') throw several;
      for await (const key of several as AsyncIterable<CryptoKey>) {
        const verified = await jwtVerify(token, key, rules).catch((error: { code?: unknown }) => {
          if (error.code !== 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') throw error;
        });
        if (verified !== undefined) return verified;
      }
      throw several;
    }
  };
  try {
    const { payload, protectedHeader } = await verify();
    const { typ, crit } = protectedHeader;
    const { exp, nbf = 0, iat = 0 } = payload;
    return (
      /^(application\/)?at\+jwt$/i.test(typ ?? '') &&
      crit === undefined &&
      [exp, nbf, iat].every(Number.isFinite) &&
      iat <= nowSeconds + TOLERANCE_SECONDS
    );
  } catch {
    return false;
  }
}

/** jose takes EdDSA and Ed25519 for two algorithms; RFC 9864 has them as two names of one. */
function withoutAlias({ alg, ...jwk }: JWK): JWK {
  return alg === 'Ed25519' || alg === undefined ? jwk : { ...jwk, alg };
}
