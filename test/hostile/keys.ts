import { constants, hash, KeyObject, sign } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';

export type Json = Readonly<Record<string, unknown>>;

/** A key that signs whatever octets; nothing is checked. */
export interface SigningKey {
  readonly alg: string;
  readonly publicJwk: Json;
  readonly sign: (input: Uint8Array) => Buffer;
}

const REQUIRED_MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['OKP', ['crv', 'kty', 'x']],
  ['RSA', ['e', 'kty', 'n']],
]);

/** RFC 7638, written down a second time: the tests do not ask the library what is right. */
export function thumbprintOf(jwk: Json): string {
  const members = REQUIRED_MEMBERS.get(jwk['kty']) ?? ['kty'];
  return hash(
    'sha256',
    JSON.stringify(Object.fromEntries(members.map((name) => [name, jwk[name]]))),
    'base64url',
  );
}

/** How `node:crypto` signs for an algorithm of JWS. */
export function signWith(privateKey: KeyObject, alg: string): SigningKey['sign'] {
  const digest = alg === 'Ed25519' || alg === 'EdDSA' ? null : `sha${alg.slice(2)}`;
  if (alg.startsWith('ES')) {
    return (input) => sign(digest, input, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  }
  if (!alg.startsWith('PS')) return (input) => sign(digest, input, privateKey);
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return (input) => sign(digest, input, { key: privateKey, ...padding });
}

export interface NodeSigningKey extends SigningKey {
  readonly privateKey: KeyObject;
}

async function generate(alg: string, modulusLength = 2048): Promise<NodeSigningKey> {
  const pair = await generateKeyPair(alg, { extractable: true, modulusLength });
  const privateKey = KeyObject.from(pair.privateKey);
  return {
    alg,
    publicJwk: { ...(await exportJWK(pair.publicKey)) },
    privateKey,
    sign: signWith(privateKey, alg),
  };
}

/** The keys of clients. `es256` signs the baseline. */
export const clients = {
  es256: await generate('ES256'),
  other: await generate('ES256'),
  /** The replay store of the configuration `infrastructure` fails for these. */
  unlucky: await generate('ES256'),
  puzzling: await generate('ES256'),
  es384: await generate('ES384'),
  es512: await generate('ES512'),
  rs256: await generate('RS256'),
  ps256: await generate('PS256'),
  ed25519: await generate('Ed25519'),
  eddsa: await generate('EdDSA'),
} as const;

/** The keys of authorization servers: two that are trusted, and one that is not. */
export const issuers = {
  main: await generate('ES256'),
  second: await generate('ES256'),
  rogue: await generate('ES256'),
  /** Signs as those providers do that know RS256 only. */
  rsa: await generate('RS256'),
} as const;

export const KID = 'key-1';

/** The key set that a service knows of an issuer. Both name their key alike: only the issuer tells them apart. */
export function keySetOf(key: SigningKey): { keys: { kty: string; [member: string]: unknown }[] } {
  return {
    keys: [{ kty: String(key.publicJwk['kty']), ...key.publicJwk, kid: KID, alg: key.alg, use: 'sig' }],
  };
}
