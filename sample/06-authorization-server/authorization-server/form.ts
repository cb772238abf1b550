import { OAuthError } from './oauth.error.js';

/** The parameters of a request, as a parser of Nest hands them over: a repeated one is an array. */
export type Form = Readonly<Record<string, unknown>>;

/** @throws OAuthError for a parameter that is repeated (RFC 6749 §3.2) */
export function optionalParameter(form: Form, name: string): string | undefined {
  const value = Object.hasOwn(form, name) ? form[name] : undefined;
  // RFC 6749 §3.2: a parameter without a value is treated as if it were left out.
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw new OAuthError('invalid_request', 'A parameter is repeated');
  return value;
}

/** @throws OAuthError for a parameter that is missing or repeated */
export function requiredParameter(form: Form, name: string): string {
  const value = optionalParameter(form, name);
  // The name is one of ours.
  if (value === undefined) throw new OAuthError('invalid_request', `The parameter ${name} is missing`);
  return value;
}
