import { constants, createPublicKey } from 'node:crypto';

/** A member of a public key beside `kty` and `crv`. */
export type KeyMember = 'x' | 'y' | 'n' | 'e' | 'pub';

/** The kind of key that a JWS algorithm needs, and how `crypto.verify` verifies its signatures. */
export interface JwsAlgorithm {
  readonly kty: 'EC' | 'RSA' | 'OKP' | 'AKP';
  readonly crv?: string;
  /** The required members of the public key, with their length in base64url characters if it is fixed. */
  readonly members: Readonly<Partial<Record<KeyMember, number | undefined>>>;
  /** The length of a signature, for algorithms whose signatures make proofs long. */
  readonly signatureBytes?: number;
  readonly hash: string | null;
  readonly verifyOptions: {
    readonly padding?: number;
    readonly saltLength?: number;
    readonly dsaEncoding?: 'ieee-p1363';
  };
}

const ecdsa = (crv: string, memberLength: number, hash: string): JwsAlgorithm => ({
  kty: 'EC',
  crv,
  members: { x: memberLength, y: memberLength },
  hash,
  verifyOptions: { dsaEncoding: 'ieee-p1363' },
});
const rsaPkcs1 = (hash: string): JwsAlgorithm => ({
  kty: 'RSA',
  members: { n: undefined, e: undefined },
  hash,
  verifyOptions: { padding: constants.RSA_PKCS1_PADDING },
});
const rsaPss = (hash: string): JwsAlgorithm => ({
  kty: 'RSA',
  members: { n: undefined, e: undefined },
  hash,
  verifyOptions: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
});
const ed25519: JwsAlgorithm = {
  kty: 'OKP',
  crv: 'Ed25519',
  members: { x: 43 },
  hash: null,
  verifyOptions: {},
};
const mlDsa = (memberLength: number, signatureBytes: number): JwsAlgorithm => ({
  kty: 'AKP',
  members: { pub: memberLength },
  signatureBytes,
  hash: null,
  verifyOptions: {},
});

/** All algorithms that the library can verify. They are asymmetric (§4.3 check 5). */
export const JWS_ALGORITHMS: ReadonlyMap<string, JwsAlgorithm> = new Map([
  ['ES256', ecdsa('P-256', 43, 'sha256')],
  ['ES384', ecdsa('P-384', 64, 'sha384')],
  ['ES512', ecdsa('P-521', 88, 'sha512')],
  ['PS256', rsaPss('sha256')],
  ['PS384', rsaPss('sha384')],
  ['PS512', rsaPss('sha512')],
  ['RS256', rsaPkcs1('sha256')],
  ['RS384', rsaPkcs1('sha384')],
  ['RS512', rsaPkcs1('sha512')],
  ['Ed25519', ed25519],
  ['EdDSA', ed25519],
  ['ML-DSA-44', mlDsa(1750, 2420)],
  ['ML-DSA-65', mlDsa(2603, 3309)],
  ['ML-DSA-87', mlDsa(3456, 4627)],
]);

/** The default: all algorithms that every supported version of Node can verify. */
export const DEFAULT_ALGORITHMS: readonly string[] = [...JWS_ALGORITHMS.keys()].filter(
  (name) => !name.startsWith('ML-DSA'),
);

/** Whether this Node can verify the algorithm: ML-DSA needs OpenSSL 3.5 (Node 24.7). */
export function isSupportedAlgorithm(name: string): boolean {
  const algorithm = JWS_ALGORITHMS.get(name);
  if (algorithm === undefined) return false;
  if (algorithm.kty !== 'AKP') return true;
  const pub = 'A'.repeat(algorithm.members.pub ?? 0);
  try {
    createPublicKey({ key: { kty: 'AKP', alg: name, pub }, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}
