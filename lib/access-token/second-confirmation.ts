import { type AccessTokenClaims, freezeClaims } from '../claims/access-token-claims.js';
import { askApp } from '../errors/app-answer.js';
import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';

/** The claim `cnf` of an access token: what binds the token to its client. */
export type Confirmation = NonNullable<AccessTokenClaims['cnf']>;

/**
 * Whether the client meets the second confirmation of its token. Only `true` and `false` are answers. Called for each
 * request whose token has one, after possession of the DPoP key is proved.
 *
 * @param cnf frozen; it has `jkt`, and at least one other registered confirmation method
 * @param request its `clientCertificate` is that of the TLS connection, its `rawHeaders` are as received
 */
export type ConfirmationCheck = (cnf: Confirmation, request: DpopRequest) => boolean | Promise<boolean>;

/** Who checks a second confirmation: nobody, so that the token is refused; nobody, on purpose; or the app. */
export type ConfirmationOption = 'jkt-only' | ConfirmationCheck | undefined;

/** The methods of the IANA registry "JWT Confirmation Methods" beside `jkt`: RFC 7800, RFC 8705, RFC 9203. */
const OTHER_METHODS = ['x5t#S256', 'jwk', 'jwe', 'kid', 'jku', 'osc'] as const;

type OtherMethod = (typeof OTHER_METHODS)[number];

/** The registered methods beside `jkt`, whatever their values are. Members that are not registered confirm nothing. */
export function otherMethodsOf(cnf: object): readonly OtherMethod[] {
  return OTHER_METHODS.filter((method) => method in cnf);
}

/**
 * Asserts that somebody checks what else the token is bound to. Otherwise a client without it would get in.
 *
 * @param cnf of a token that has `jkt`
 * @throws DpopError `confirmation_unchecked`
 */
export function assertConfirmationChecked(cnf: object, option: ConfirmationOption): void {
  if (option !== undefined) return;
  const method = OTHER_METHODS.find((name) => name in cnf);
  if (method === undefined) return;
  throw new DpopError('confirmation_unchecked', {
    detail: method,
    advice: `the issuer binds its tokens to ${method} beside jkt: set confirmation to a function that checks it, such as confirmClientCertificate for x5t#S256, or to 'jkt-only' if the DPoP key is enough`,
  });
}

/**
 * Asks the app about the second confirmation of a token, if the token has one.
 *
 * @returns a promise only if the app returned one
 * @throws DpopError `confirmation_mismatch`; DpopUnavailableError when the function of the app fails
 */
export function confirmSecond(
  { cnf }: AccessTokenClaims,
  request: DpopRequest,
  option: ConfirmationOption,
): Promise<void> | undefined {
  if (typeof option !== 'function' || cnf === undefined) return undefined;
  if (!OTHER_METHODS.some((method) => method in cnf)) return undefined;
  // The claims of a verifier of the app may not be frozen.
  const frozen = freezeClaims({ ...cnf });
  const answer = askApp('the function of the option confirmation', () => option(frozen, request));
  if (typeof answer !== 'boolean') return answer.then(assertMet);
  assertMet(answer);
  return undefined;
}

function assertMet(answer: boolean): void {
  if (!answer) throw new DpopError('confirmation_mismatch');
}
