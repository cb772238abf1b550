/** The error codes of RFC 8935 §2.4 that the service answers. */
export type SecurityEventErrorCode =
  | 'invalid_request'
  | 'invalid_key'
  | 'invalid_issuer'
  | 'invalid_audience'
  | 'authentication_failed'
  | 'access_denied';

/** Each reason with its status, its code and its sentence. */
const REFUSALS = {
  authorization: [400, 'authentication_failed', 'The Authorization header is not the expected one'],
  content_type: [415, 'invalid_request', 'The content type must be application/secevent+jwt, not encoded'],
  size: [413, 'invalid_request', 'The Security Event Token is too large'],
  body: [400, 'invalid_request', 'The body of the request is incomplete'],
  form: [400, 'invalid_request', 'The body must be a signed JWT in compact form'],
  typ: [400, 'invalid_request', 'The typ of the Security Event Token must be secevent+jwt'],
  crit: [400, 'invalid_request', 'The Security Event Token has a critical header parameter'],
  alg: [400, 'invalid_key', 'The signature algorithm is not accepted'],
  issuer: [400, 'invalid_issuer', 'The issuer of the Security Event Token is not accepted'],
  key: [400, 'invalid_key', 'The transmitter has no acceptable key for this Security Event Token'],
  signature: [400, 'authentication_failed', 'The signature of the Security Event Token is invalid'],
  audience: [400, 'invalid_audience', 'The Security Event Token is not for this service'],
  jti: [400, 'invalid_request', 'The jti claim must be a string that is not empty'],
  iat: [400, 'invalid_request', 'The iat claim must be a time that is not in the future'],
  exp: [400, 'invalid_request', 'The Security Event Token has expired, or its exp claim is not a time'],
  nbf: [400, 'invalid_request', 'The Security Event Token is not valid yet, or its nbf claim is not a time'],
  events: [400, 'invalid_request', 'The events claim must be an object with an event under each URI'],
  subject: [400, 'invalid_request', 'The subject of an event is missing or malformed'],
  foreign_subject: [400, 'access_denied', 'The transmitter may not send events about this subject'],
} as const satisfies Readonly<Record<string, readonly [number, SecurityEventErrorCode, string]>>;

/** Why the service refuses a Security Event Token. */
export type SecurityEventRefusal = keyof typeof REFUSALS;

/**
 * The service refuses a Security Event Token. The message is the fixed sentence for the transmitter; nothing that was sent
 * is in it.
 *
 * @see RFC 8935 §2.3, §2.4
 */
export class SecurityEventError extends Error {
  override readonly name = 'SecurityEventError';
  readonly code: SecurityEventErrorCode;
  readonly status: number;

  /** @param expected for the operator: the values of the service, one of which was expected */
  constructor(
    readonly reason: SecurityEventRefusal,
    readonly expected?: readonly string[],
  ) {
    const [status, code, sentence] = REFUSALS[reason];
    super(sentence);
    this.status = status;
    this.code = code;
  }
}
