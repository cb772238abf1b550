import { assertKnownNames, assertObject, fail } from '../errors/option-asserts.js';
import { hasUserinfo, isTrustedUrl } from '../http/base-url.js';

/** Asserts for the arguments of profiles. Each throws a `TypeError` that names the argument and the accepted form. */

/** @param profile the name of the function, such as `keycloak()` */
export function assertArguments(
  value: unknown,
  profile: string,
  names: readonly string[],
): asserts value is Readonly<Record<string, unknown>> {
  assertObject(value, profile, `given an object, { ${names.join(', ')} }`);
  assertKnownNames(value, profile, names);
}

/** A copy of the audience, frozen. */
export function parseAudience(
  value: unknown,
  argument: string,
  accepted = 'this service as the issuer names it in aud, a string or an array of strings',
  isAccepted: (audience: string) => boolean = () => true,
): string | readonly string[] {
  const audiences: readonly unknown[] = Array.isArray(value) ? value : [value];
  const areAccepted = audiences.every((item) => typeof item === 'string' && item !== '' && isAccepted(item));
  if (audiences.length === 0 || !areAccepted) fail(argument, accepted, { value });
  return Array.isArray(value) ? Object.freeze([...(value as readonly string[])]) : (value as string);
}

const HOST_NAME = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z\d](?:[a-z\d-]{0,61}[a-z\d])$/;

/** @param example the form of a domain at this provider */
export function assertDomain(value: unknown, argument: string, example: string): asserts value is string {
  const accepted = `a host name in lower case, without scheme, path or slash, such as "${example}"`;
  if (typeof value === 'string' && hasUserinfo(value)) fail(argument, accepted);
  if (typeof value !== 'string' || !HOST_NAME.test(value)) fail(argument, accepted, { value });
}

/**
 * A URL that an issuer begins with. The options of the module decide about `http:`.
 *
 * @param accepted the form, with an example
 */
export function assertIssuerUrl(value: unknown, argument: string, accepted: string): asserts value is string {
  if (typeof value === 'string' && hasUserinfo(value)) {
    fail(argument, `${accepted}; this one has userinfo, the part before "@"`);
  }
  const isUrl = typeof value === 'string' && isTrustedUrl(value, true) && !/[?#]/.test(value);
  if (!isUrl) fail(argument, accepted, { value });
}
