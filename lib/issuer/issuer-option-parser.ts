import {
  assertBoolean,
  assertFunction,
  assertInteger,
  assertKnownNames,
  fail,
} from '../errors/option-asserts.js';
import { hasUserinfo, isTrustedUrl } from '../http/base-url.js';
import { DEFAULT_ALGORITHMS } from '../jws/algorithms.js';
import { isPrivateJwk } from '../jws/private-jwk.js';
import { type JwtAccessTokenOptions, REQUIRABLE_CLAIMS } from './jwt-access-token-options.js';

const NAMES: readonly (keyof JwtAccessTokenOptions)[] = [
  'issuer',
  'audience',
  'jwksUri',
  'keys',
  'algorithms',
  'typ',
  'requiredClaims',
  'clockToleranceSeconds',
  'keysMaxAgeSeconds',
  'keysCooldownSeconds',
  'fetchTimeoutMs',
  'allowInsecureJwksUri',
  'fetch',
  'readRights',
  'advise',
];

const FUNCTIONS = {
  fetch: 'a function like the fetch of Node',
  readRights: 'a function that returns the rights of a token, such as readStandardRights',
  advise: 'a function that returns a sentence for the operator, or undefined',
} as const satisfies Partial<Record<keyof JwtAccessTokenOptions, string>>;

/**
 * Parses the options of one issuer.
 *
 * @param alternative what else the option may be, for its error
 * @throws TypeError that names the option and the accepted form
 */
export function parseJwtAccessTokenOptions(
  value: unknown,
  option: string,
  allowInsecureHttp: boolean,
  alternative?: string,
): JwtAccessTokenOptions {
  assertIssuerOptions(value, option, alternative);
  const { issuer, audience, jwksUri, allowInsecureJwksUri = false, keys, algorithms, typ } = value;
  assertBoolean(allowInsecureJwksUri, `${option}.allowInsecureJwksUri`);
  const issuerForm =
    'an https URL, the issuer exactly as in iss, such as "https://auth.example.com", without userinfo, query or fragment';
  assertUrl(issuer, `${option}.issuer`, issuerForm, allowInsecureHttp);
  // RFC 8414 §2 forbids both. Discovery would drop them and ask another issuer.
  if (/[?#]/.test(issuer)) fail(`${option}.issuer`, issuerForm, { value: issuer });
  assertNames(
    audience,
    `${option}.audience`,
    'this service as named in aud, a string or an array of strings',
  );
  if (jwksUri !== undefined) assertJwksUri(value, option, allowInsecureHttp);
  if (jwksUri === undefined && allowInsecureJwksUri) {
    fail(`${option}.allowInsecureJwksUri`, 'left out without jwksUri, which it is about');
  }
  if (keys !== undefined) assertPublicKeys(keys, `${option}.keys`);
  if (algorithms !== undefined) assertAlgorithms(algorithms, `${option}.algorithms`);
  if (typ !== undefined) {
    assertNames(
      typ,
      `${option}.typ`,
      'one or several header types such as "at+jwt" or "JWT"; "absent" for tokens without typ, "any" for all',
    );
  }
  if (value['requiredClaims'] !== undefined)
    assertRequiredClaims(value['requiredClaims'], `${option}.requiredClaims`);
  assertOptionalInteger(value, option, 'clockToleranceSeconds', 0, 600);
  assertOptionalInteger(value, option, 'keysMaxAgeSeconds', 0, 86_400);
  assertOptionalInteger(value, option, 'keysCooldownSeconds', 0, 86_400);
  assertOptionalInteger(value, option, 'fetchTimeoutMs', 1, 60_000);
  for (const [name, form] of Object.entries(FUNCTIONS)) {
    if (value[name] !== undefined)
      assertFunction(value[name], `${option}.${name}`, form, { value: value[name] });
  }
  return Object.freeze({ ...value }) as unknown as JwtAccessTokenOptions;
}

/** Asserts the form of the whole option, before its members. */
function assertIssuerOptions(
  value: unknown,
  option: string,
  alternative: string | undefined,
): asserts value is Readonly<Record<string, unknown>> {
  const form =
    'an object, the options of an issuer: { issuer: "https://auth.example.com", audience: "https://api.example.com" }';
  const accepted = alternative === undefined ? form : `${form}; or ${alternative}`;
  const isOptions = typeof value === 'object' && value !== null && !Array.isArray(value);
  // `verify` shows a verifier that does not extend AccessTokenVerifier, or extends that of another copy of the package.
  if (!isOptions || typeof (value as { verify?: unknown }).verify === 'function') {
    // An object and a URL may contain secrets.
    const isShown = typeof value !== 'object' && !(typeof value === 'string' && hasUserinfo(value));
    fail(option, accepted, isShown ? { value } : undefined);
  }
  assertKnownNames(value, option, NAMES);
}

/**
 * Asserts the URL of an issuer, or of one of its endpoints.
 *
 * @param wayOut the option that accepts `http:` beyond loopback
 * @throws TypeError
 */
export function assertUrl(
  value: unknown,
  option: string,
  form: string,
  allowInsecureHttp: boolean,
  wayOut = 'allowInsecureHttp: true',
): asserts value is string {
  if (typeof value === 'string' && isTrustedUrl(value, allowInsecureHttp)) return;
  if (typeof value === 'string' && hasUserinfo(value)) {
    fail(option, `${form}; this one has userinfo, the part before "@"`);
  }
  const isInsecure = typeof value === 'string' && isTrustedUrl(value, true);
  fail(
    option,
    isInsecure
      ? `${form}; http is for loopback only: use https, or set ${wayOut} in a network without eavesdroppers`
      : form,
    { value },
  );
}

function assertJwksUri(
  { jwksUri, allowInsecureJwksUri }: Readonly<Record<string, unknown>>,
  option: string,
  allowInsecureHttp: boolean,
): void {
  const form = 'the https URL of the key set of the issuer';
  const isAllowed = allowInsecureHttp || allowInsecureJwksUri === true;
  assertUrl(jwksUri, `${option}.jwksUri`, form, isAllowed, 'allowInsecureJwksUri: true for this issuer');
}

function assertNames(value: unknown, option: string, accepted: string): void {
  const names: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isFilled = names.length > 0 && names.every((name) => typeof name === 'string' && name !== '');
  if (!isFilled) fail(option, accepted, { value });
}

function assertPublicKeys(value: unknown, option: string): void {
  const accepted = 'a JWK set of public keys: { keys: [ … ] }';
  const keys: unknown = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) fail(option, accepted);
  for (const key of keys) {
    if (typeof key !== 'object' || key === null || typeof (key as { kty?: unknown }).kty !== 'string')
      fail(option, accepted);
    if (isPrivateJwk(key)) fail(option, `${accepted}; one of these keys is private`);
  }
}

function assertAlgorithms(value: unknown, option: string): void {
  const accepted = `an array of ${DEFAULT_ALGORITHMS.join(', ')}`;
  const isKnown =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((algorithm) => DEFAULT_ALGORITHMS.includes(algorithm as string));
  if (!isKnown) fail(option, accepted, { value });
}

function assertRequiredClaims(value: unknown, option: string): void {
  const known = Object.keys(REQUIRABLE_CLAIMS);
  const isKnown = Array.isArray(value) && value.every((claim) => known.includes(claim as string));
  if (!isKnown) fail(option, `an array of ${known.join(', ')}`, { value });
}

function assertOptionalInteger(
  options: Readonly<Record<string, unknown>>,
  option: string,
  name: keyof JwtAccessTokenOptions,
  min: number,
  max: number,
): void {
  if (options[name] !== undefined) assertInteger(options[name], `${option}.${name}`, min, max);
}
