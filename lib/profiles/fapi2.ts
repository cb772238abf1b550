import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { assertInteger, assertObject, fail } from '../errors/option-asserts.js';
import { isObject } from '../http/is-object.js';
import { isIssuerResolution, LIMIT_ANSWER } from '../issuer/issuer-resolution.js';

/** FAPI 2.0 Security Profile §5.4.1. RFC 9864 names EdDSA with the curve Ed25519 `Ed25519`; both names are in use. */
const FAPI2_ALGORITHMS: readonly string[] = Object.freeze(['PS256', 'ES256', 'Ed25519', 'EdDSA']);

const TLS = 'FAPI 2.0 requires TLS';

/** A clock that is this much ahead has to be tolerated, and one that is further ahead must not be. */
const MIN_TOLERANCE_SECONDS = 10;
const MAX_TOLERANCE_SECONDS = 60;

/**
 * Limits the options of `DpopModule` to what the FAPI 2.0 Security Profile allows a resource server with DPoP: PS256, ES256
 * and Ed25519 for proofs and tokens, no Bearer and no ticket on any route, no plain http beyond loopback, and clocks that may be ahead by
 * 10 to 60 seconds. It leaves all else alone. Of an `AccessTokenVerifier` it sees only `accepts`, which `introspection` has.
 *
 * @returns frozen options for `forRoot`, or for the factory of `forRootAsync`
 * @throws TypeError for an option that asks for more
 * @see FAPI 2.0 Security Profile §5.2, §5.3.4 and §5.4.1
 */
export function fapi2(options: DpopModuleOptions): DpopModuleOptions {
  assertObject(options, 'fapi2()', 'given an object, the options of DpopModule');
  const { accessToken, proof = {}, bearer = 'forbid', tickets = 'forbid', nonce, enforcement } = options;
  assertSecure(options, 'fapi2() allowInsecureHttp', 'allowInsecureHttp');
  if (bearer === 'allow-unbound') {
    fail('fapi2() bearer', 'left out: FAPI 2.0 requires a bound token on every route', { value: bearer });
  }
  if (enforcement === 'report') {
    fail('fapi2() enforcement', "'enforce' or left out: FAPI 2.0 requires a bound token on every route", {
      value: enforcement,
    });
  }
  if (tickets !== 'forbid') {
    fail('fapi2() tickets', '"forbid" or left out: FAPI 2.0 allows no access token in a URL', {
      value: tickets,
    });
  }
  if (isObject(nonce) && nonce['freshness'] === 'nonce') {
    fail('fapi2() nonce.freshness', '"iat" or left out: FAPI 2.0 limits how far iat may be in the future', {
      value: 'nonce',
    });
  }
  return Object.freeze({
    ...options,
    accessToken: Array.isArray(accessToken)
      ? Object.freeze(accessToken.map((item, index) => limitIssuer(item, `fapi2() accessToken[${index}]`)))
      : limitIssuer(accessToken, 'fapi2() accessToken'),
    proof: limitMember(proof, 'fapi2() proof', 'futureToleranceSeconds'),
    bearer: bearer === 'reject' ? 'forbid' : bearer,
    tickets,
  });
}

/** What is not the options of an issuer is left to the module, which knows whether it is anything. */
function limitIssuer<T>(item: T, option: string): T {
  if (isIssuerResolution(item)) return limitAnswers(item);
  if (item instanceof AccessTokenVerifier) assertLimited(item, option);
  const isOptions =
    isObject(item) && !(item instanceof AccessTokenVerifier) && typeof item['verify'] !== 'function';
  if (!isOptions) return item;
  assertSecure(item, `${option}.allowInsecureJwksUri`, 'allowInsecureJwksUri');
  return limitMember(item, option, 'clockToleranceSeconds');
}

/** A verifier cannot be changed from outside, only refused. Its options stand where the app created it. */
function assertLimited({ accepts }: AccessTokenVerifier, option: string): void {
  if (accepts === undefined) return;
  const { algorithms, clockToleranceSeconds, insecureOptions = [] } = accepts;
  const [insecure] = insecureOptions;
  if (insecure !== undefined) fail(option, `a verifier without ${insecure}: ${TLS}`);
  if (algorithms !== undefined && widerThanAllowed(algorithms).length > 0) {
    fail(
      option,
      `a verifier of ${FAPI2_ALGORITHMS.join(', ')} only: set algorithms in the options of its issuer, as in introspection({ accessToken: { …, algorithms: ["PS256", "ES256"] } })`,
    );
  }
  const [min, max] = [MIN_TOLERANCE_SECONDS, MAX_TOLERANCE_SECONDS];
  if (clockToleranceSeconds === undefined) return;
  if (clockToleranceSeconds >= min && clockToleranceSeconds <= max) return;
  fail(option, `a verifier with clockToleranceSeconds from ${min} to ${max} in the options of its issuer`);
}

function assertSecure(options: object, option: string, name: string): void {
  if ((options as Readonly<Record<string, unknown>>)[name] === true) {
    fail(option, `false or left out: ${TLS}`, { value: true });
  }
}

/** The issuers of tenants are limited when they are found. Options that ask for more are then a failure of the service. */
function limitAnswers<T>(resolution: T): T {
  const limit = <O>(options: O): O => limitIssuer(options, 'fapi2() resolveIssuer()');
  return Object.freeze({ ...resolution, [LIMIT_ANSWER]: limit });
}

function limitMember<T>(options: T, option: string, tolerance: string): T {
  if (!isObject(options)) return options;
  const { algorithms = FAPI2_ALGORITHMS, [tolerance]: seconds } = options;
  assertAlgorithms(algorithms, `${option}.algorithms`);
  if (seconds !== undefined)
    assertInteger(seconds, `${option}.${tolerance}`, MIN_TOLERANCE_SECONDS, MAX_TOLERANCE_SECONDS);
  return Object.freeze({ ...options, algorithms });
}

function assertAlgorithms(algorithms: unknown, option: string): void {
  if (widerThanAllowed(algorithms).length === 0) return;
  fail(option, `an array of ${FAPI2_ALGORITHMS.join(', ')}, which are all that FAPI 2.0 allows`, {
    value: algorithms,
  });
}

function widerThanAllowed(algorithms: unknown): readonly unknown[] {
  const names: readonly unknown[] = Array.isArray(algorithms) ? algorithms : [algorithms];
  return names.filter((name) => !FAPI2_ALGORITHMS.includes(name as string));
}
