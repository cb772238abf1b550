import { DpopError } from '../errors/dpop.error.js';
import { isJsonObject } from '../jws/json-object.js';
import { OutboundError } from '../outbound/outbound-request.js';

/** Errors of OAuth that an endpoint may name. Anything else that it sends is not logged. */
const OAUTH_ERRORS = ['invalid_client', 'invalid_request', 'unauthorized_client', 'access_denied'];

/**
 * Why an endpoint answered 400: it cannot use the request, for example because of the form of the token.
 *
 * @returns DpopError when the endpoint does not take such tokens; otherwise OutboundError
 * @see RFC 7662 §2.3, RFC 6749 §5.2
 */
export function parseRefusal(text: string): DpopError | OutboundError {
  const error = errorIn(text);
  if (error === 'unsupported_token_type') {
    return new DpopError('token_invalid', {
      advice:
        'the introspection endpoint does not introspect tokens of this form (unsupported_token_type); if it is a JWT of this issuer, verify it by signature instead',
    });
  }
  const known = OAUTH_ERRORS.find((name) => name === error);
  return new OutboundError(`it refused the request (status 400${known === undefined ? '' : `, ${known}`})`);
}

function errorIn(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return isJsonObject(parsed) ? parsed['error'] : undefined;
  } catch {
    return undefined;
  }
}
