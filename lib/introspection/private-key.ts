import { createPrivateKey, type KeyObject } from 'node:crypto';
import { types } from 'node:util';
import { type CryptoKey, importPKCS8, type JWK } from 'jose';
import { fail } from '../errors/option-asserts.js';
import { isJsonObject } from '../jws/json-object.js';

/** A private key whose form is asserted. It is imported later, which is asynchronous. */
export interface ParsedPrivateKey {
  readonly kid: string | undefined;
  /** The `alg` of the assertion; `undefined` where the key itself says it. */
  readonly algorithm: string | undefined;
  import(): Promise<CryptoKey>;
}

const KEY_FORM =
  'a private key for signatures: PKCS #8 in PEM, a JWK, or a CryptoKey; RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519';
const MIN_RSA_BITS = 2048;
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
/** By the name of the curve in OpenSSL. No other keys have a curve. */
const EC_ALGORITHMS: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  ['prime256v1', ['ES256']],
  ['secp384r1', ['ES384']],
  ['secp521r1', ['ES512']],
]);

/**
 * Parses the options of a client with a private key. Errors show nothing of the key.
 *
 * @throws TypeError
 */
export function parsePrivateKey(
  { privateKey, kid, algorithm }: Readonly<Record<string, unknown>>,
  option: string,
): ParsedPrivateKey {
  if (kid !== undefined && (typeof kid !== 'string' || kid === ''))
    fail(`${option}.kid`, 'a string, as registered');
  if (types.isCryptoKey(privateKey)) {
    if (privateKey.type !== 'private' || !privateKey.usages.includes('sign'))
      fail(`${option}.privateKey`, KEY_FORM);
    if (algorithm !== undefined) fail(`${option}.algorithm`, 'left out for a CryptoKey, which has one');
    return { kid, algorithm, import: () => Promise.resolve(privateKey) };
  }
  const jwk: JWK = isJsonObject(privateKey) ? privateKey : {};
  const key = readKey(privateKey, `${option}.privateKey`);
  const accepted = algorithmsOf(key);
  if (accepted.length === 0) fail(`${option}.privateKey`, KEY_FORM);
  const wanted = algorithm ?? jwk.alg ?? accepted[0];
  const chosen = accepted.find((name) => name === wanted);
  if (chosen === undefined) {
    fail(`${option}.algorithm`, `one of ${accepted.join(', ')} for this key`, { value: wanted });
  }
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { kid: kid ?? jwk.kid, algorithm: chosen, import: () => importPKCS8(pem, chosen) };
}

function readKey(value: unknown, option: string): KeyObject {
  try {
    if (typeof value === 'string') return createPrivateKey(value);
    if (isJsonObject(value)) return createPrivateKey({ key: value, format: 'jwk' });
  } catch {
    // The message of OpenSSL says nothing that helps, and may show a part of the key.
  }
  return fail(option, KEY_FORM);
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): readonly string[] {
  const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails;
  if (asymmetricKeyType === 'rsa') return modulusLength >= MIN_RSA_BITS ? RSA_ALGORITHMS : [];
  if (asymmetricKeyType === 'ed25519') return ['Ed25519', 'EdDSA'];
  return EC_ALGORITHMS.get(namedCurve) ?? [];
}
