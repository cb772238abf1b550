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
  method: [405, 'invalid_request', 'Security Event Tokens are sent with POST'],
  authorization: [400, 'authentication_failed', 'The Authorization header is not the expected one'],
  content_type: [415, 'invalid_request', 'The content type must be application/secevent+jwt, not encoded'],
  size: [413, 'invalid_request', 'The Security Event Token is too large'],
  body: [400, 'invalid_request', 'The body of the request is incomplete'],
  form: [400, 'invalid_request', 'The body must be a signed JWT in compact form'],
  typ: [400, 'invalid_request', 'The typ of the Security Event Token must be secevent+jwt'],
  crit: [400, 'invalid_request', 'The Security Event Token has a critical header parameter'],
  alg: [400, 'invalid_key', 'The signature algorithm is not accepted'],
  kid: [400, 'invalid_key', 'The kid of the Security Event Token must be a string of at most 512 characters'],
  issuer: [400, 'invalid_issuer', 'The issuer of the Security Event Token is not accepted'],
  key: [400, 'invalid_key', 'The transmitter has no acceptable key for this Security Event Token'],
  signature: [400, 'authentication_failed', 'The signature of the Security Event Token is invalid'],
  audience: [400, 'invalid_audience', 'The Security Event Token is not for this service'],
  jti: [400, 'invalid_request', 'The jti claim must be a string that is not empty'],
  iat: [400, 'invalid_request', 'The iat claim must be a time that is not in the future'],
  exp: [400, 'invalid_request', 'The Security Event Token has expired, or its exp claim is not a time'],
  nbf: [400, 'invalid_request', 'The Security Event Token is not valid yet, or its nbf claim is not a time'],
  events_missing: [400, 'invalid_request', 'The Security Event Token has no event in its events claim'],
  events: [400, 'invalid_request', 'The events claim must be an object with an object under each URI'],
  subject_missing: [400, 'invalid_request', 'The Security Event Token names no subject of an event'],
  subject: [400, 'invalid_request', 'The subject of an event is malformed'],
  foreign_subject: [400, 'access_denied', 'The transmitter may not send events about this subject'],
} as const satisfies Readonly<Record<string, readonly [number, SecurityEventErrorCode, string]>>;

/** Why the service refuses a Security Event Token. */
export type SecurityEventRefusal = keyof typeof REFUSALS;

/** For the operator. Nothing that was sent is in it. */
export interface SecurityEventDetails {
  /** The values of the service, one of which was expected. */
  readonly expected?: readonly string[];
  /** By how many seconds a time misses its limit, rounded up. */
  readonly offBySeconds?: number;
  /** Which event, and which part of its subject, in names that this library knows. */
  readonly about?: string;
  /** What to change. */
  readonly advice?: string;
}

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

  constructor(
    readonly reason: SecurityEventRefusal,
    readonly details: SecurityEventDetails = {},
  ) {
    const [status, code, sentence] = REFUSALS[reason];
    super(sentence);
    this.status = status;
    this.code = code;
  }
}
