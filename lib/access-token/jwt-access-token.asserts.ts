import { isTrustedUrl } from '../http/base-url.js';
import { DEFAULT_ALGORITHMS } from '../jws/algorithms.js';
import { assertInteger, assertKnownNames, assertObject, assertStrings, fail } from '../option-asserts.js';
import { isPrivateJwk } from '../private-jwk.js';
import type { JwtAccessTokenOptions } from './jwt-access-token.options.js';

const NAMES: readonly (keyof JwtAccessTokenOptions)[] = [
  'issuer',
  'audience',
  'jwksUri',
  'keys',
  'algorithms',
  'typ',
  'clockToleranceSeconds',
  'keysMaxAgeSeconds',
  'keysCooldownSeconds',
  'fetchTimeoutMs',
];

/**
 * @throws TypeError that names the option and the accepted form
 */
export function parseJwtAccessTokenOptions(
  value: unknown,
  option: string,
  allowInsecureHttp: boolean,
): JwtAccessTokenOptions {
  assertObject(value, option);
  assertKnownNames(value, option, NAMES);
  const { issuer, audience, jwksUri, keys, algorithms, typ } = value;
  const issuerForm = 'the issuer exactly as in iss, such as "https://auth.example.com"';
  assertUrl(issuer, `${option}.issuer`, issuerForm, allowInsecureHttp);
  // RFC 8414 §2. Discovery would drop them, and ask somebody else.
  if (/[?#]/.test(issuer)) fail(`${option}.issuer`, `${issuerForm}, without query or fragment`);
  assertStrings(
    [audience].flat(),
    `${option}.audience`,
    'this service as named in aud, a string or an array of strings',
  );
  if (jwksUri !== undefined) {
    assertUrl(jwksUri, `${option}.jwksUri`, 'the https URL of the key set of the issuer', allowInsecureHttp);
    if (keys !== undefined) fail(`${option}.keys`, 'left out when jwksUri is given');
  }
  if (keys !== undefined) assertPublicKeys(keys, `${option}.keys`);
  if (algorithms !== undefined) assertAlgorithms(algorithms, `${option}.algorithms`);
  if (typ !== undefined)
    assertStrings(
      [typ].flat(),
      `${option}.typ`,
      '"any", or one or several header types such as "at+jwt" or "JWT"',
    );
  assertOptionalInteger(value, option, 'clockToleranceSeconds', 0, 600);
  assertOptionalInteger(value, option, 'keysMaxAgeSeconds', 0, 86_400);
  assertOptionalInteger(value, option, 'keysCooldownSeconds', 0, 86_400);
  assertOptionalInteger(value, option, 'fetchTimeoutMs', 1, 60_000);
  return Object.freeze({ ...value }) as unknown as JwtAccessTokenOptions;
}

function assertUrl(
  value: unknown,
  option: string,
  accepted: string,
  allowInsecureHttp: boolean,
): asserts value is string {
  if (typeof value !== 'string' || !isTrustedUrl(value, allowInsecureHttp)) fail(option, accepted);
}

function assertPublicKeys(value: unknown, option: string): void {
  const accepted = 'a JWK set of public keys: { keys: [ … ] }';
  const keys: unknown = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) fail(option, accepted);
  for (const key of keys) {
    if (typeof key !== 'object' || key === null || typeof (key as { kty?: unknown }).kty !== 'string')
      fail(option, accepted);
    if (isPrivateJwk(key)) fail(option, `${accepted}; one of these is private`);
  }
}

function assertAlgorithms(value: unknown, option: string): void {
  const accepted = `an array of ${DEFAULT_ALGORITHMS.join(', ')}`;
  assertStrings(value, option, accepted);
  if (!value.every((algorithm) => DEFAULT_ALGORITHMS.includes(algorithm))) fail(option, accepted);
}

function assertOptionalInteger(
  options: Readonly<Record<string, unknown>>,
  option: string,
  name: keyof JwtAccessTokenOptions,
  least: number,
  most: number,
): void {
  if (options[name] !== undefined) assertInteger(options[name], `${option}.${name}`, least, most);
}
