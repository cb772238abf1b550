/**
 * The stable codes that clients read. All but four are error codes of RFC 9449 §7.1 and §8, RFC 6750 §3.1, RFC 9470 §3
 * and RFC 6749 §5.2. `credentials_missing` stands for a challenge without an error code (RFC 6750 §3.1). `invalid_ticket` asks for a new
 * ticket. `insufficient_rights` has no challenge: no other credentials of this client would help.
 * `temporarily_unavailable` stands for a failure of the service.
 */
export type DpopErrorCode =
  | 'credentials_missing'
  | 'invalid_request'
  | 'invalid_token'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'invalid_ticket'
  | 'insufficient_scope'
  | 'insufficient_user_authentication'
  | 'insufficient_rights'
  | 'invalid_grant'
  | 'temporarily_unavailable';

/** The HTTP status of each code. */
export const STATUS_OF_CODE = {
  credentials_missing: 401,
  invalid_request: 400,
  invalid_token: 401,
  invalid_dpop_proof: 401,
  use_dpop_nonce: 401,
  invalid_ticket: 401,
  insufficient_scope: 403,
  insufficient_user_authentication: 401,
  insufficient_rights: 403,
  invalid_grant: 400,
  temporarily_unavailable: 503,
} as const satisfies Record<DpopErrorCode, number>;

/**
 * All reasons for a refusal, each with its code and the fixed sentence for the client. No text of a request reaches a
 * header or a body, so that an attacker cannot have anything reflected.
 */
export const REFUSALS = {
  // Transport and shape of the request
  credentials_missing: ['credentials_missing', 'A DPoP-bound access token is required'],
  authorization_repeated: ['invalid_request', 'Multiple methods used to include access token'],
  authorization_malformed: ['invalid_request', 'The Authorization header is malformed'],
  target_unusable: ['invalid_request', 'The request target is not a valid URI path'],
  host_unusable: ['invalid_request', 'The Host header is missing or invalid'],
  https_required: ['invalid_request', 'This resource requires https'],

  // Access token
  bearer_not_accepted: ['invalid_token', 'Bearer tokens are not accepted, use the DPoP scheme'],
  bound_token_as_bearer: ['invalid_token', 'A DPoP-bound access token must be sent with the DPoP scheme'],
  token_too_large: ['invalid_token', 'The access token is too large'],
  token_invalid: ['invalid_token', 'Invalid token'],
  token_inactive: ['invalid_token', 'The access token is not active'],
  token_issuer: ['invalid_token', 'The issuer of the access token is not trusted'],
  token_audience: ['invalid_token', 'The access token is for another audience'],
  token_type: ['invalid_token', 'The access token has the wrong type'],
  token_expired: ['invalid_token', 'The access token has expired'],
  token_not_yet_valid: ['invalid_token', 'The access token is not valid yet'],
  token_unbound: ['invalid_token', 'The access token is not bound to a DPoP key'],
  key_binding: ['invalid_token', 'Invalid DPoP key binding'],
  confirmation_unchecked: [
    'invalid_token',
    'The access token has a confirmation beside the DPoP key that is not supported',
  ],
  confirmation_mismatch: [
    'invalid_token',
    'The client does not meet the second confirmation of the access token',
  ],
  token_revoked: ['invalid_token', 'The access token has been revoked'],

  // Proof, in the order of the checks of RFC 9449 §4.3
  proof_repeated: ['invalid_dpop_proof', 'More than one DPoP header'],
  proof_missing: ['invalid_dpop_proof', 'The DPoP proof is missing'],
  proof_too_large: ['invalid_dpop_proof', 'The DPoP proof is too large'],
  proof_malformed: ['invalid_dpop_proof', 'The DPoP proof is not a well-formed JWT'],
  proof_claims: ['invalid_dpop_proof', 'A claim of the DPoP proof is missing or has the wrong type'],
  proof_typ: ['invalid_dpop_proof', 'The typ of the DPoP proof is not dpop+jwt'],
  proof_alg: ['invalid_dpop_proof', 'The algorithm of the DPoP proof is not accepted'],
  proof_crit: ['invalid_dpop_proof', 'The DPoP proof has a critical extension that is not supported'],
  proof_jwk: ['invalid_dpop_proof', 'The key in the DPoP proof cannot be used'],
  proof_jwk_private: ['invalid_dpop_proof', 'The key in the DPoP proof is not a public key'],
  proof_jwk_size: ['invalid_dpop_proof', 'The RSA key in the DPoP proof has an unacceptable size'],
  proof_signature: ['invalid_dpop_proof', 'The signature of the DPoP proof is invalid'],
  proof_htm: ['invalid_dpop_proof', 'The htm claim does not match the request method'],
  proof_htu: ['invalid_dpop_proof', 'The htu claim does not match the request URI'],
  proof_htu_query: ['invalid_dpop_proof', 'The htu claim has a query or fragment'],
  proof_stale: ['invalid_dpop_proof', 'The DPoP proof is too old'],
  proof_early: ['invalid_dpop_proof', 'The DPoP proof is not valid yet'],
  proof_ath: ['invalid_dpop_proof', 'The ath claim is not the hash of the access token'],
  proof_ath_unexpected: [
    'invalid_dpop_proof',
    'The DPoP proof has an ath claim, but this endpoint takes no access token',
  ],
  proof_replayed: ['invalid_dpop_proof', 'The DPoP proof was used before'],

  // Nonces
  nonce_missing: ['use_dpop_nonce', 'Resource server requires nonce in DPoP proof'],
  nonce_unacceptable: [
    'use_dpop_nonce',
    'The nonce in the DPoP proof is not acceptable, use the one supplied',
  ],
  nonce_renewal: ['use_dpop_nonce', 'Resource server requires a new nonce in DPoP proof'],

  // Tickets
  ticket_repeated: ['invalid_request', 'More than one ticket'],
  ticket_beside_credentials: ['invalid_request', 'A ticket beside an access token or a proof'],
  ticket_invalid: ['invalid_ticket', 'Invalid ticket'],
  ticket_expired: ['invalid_ticket', 'The ticket has expired'],
  ticket_early: ['invalid_ticket', 'The ticket is not valid yet'],
  ticket_path: ['invalid_ticket', 'The ticket is for another resource'],
  ticket_binding: ['invalid_ticket', 'The access token of the ticket is bound to another key'],
  ticket_nonce: [
    'invalid_ticket',
    'This resource requires a ticket that was issued for a proof with a nonce',
  ],
  ticket_spent: ['invalid_ticket', 'The ticket was used before'],
  ticket_renewal: ['invalid_ticket', 'This resource requires a new ticket'],

  // Policy of the route
  scope_insufficient: ['insufficient_scope', 'The access token lacks a required scope'],
  authentication_insufficient: [
    'insufficient_user_authentication',
    'A stronger or more recent user authentication is required',
  ],
  role_insufficient: ['insufficient_rights', 'The access token lacks a required role'],
  permission_insufficient: ['insufficient_rights', 'The access token lacks a required permission'],
  authorization_details_insufficient: [
    'insufficient_rights',
    'The access token lacks required authorization details',
  ],
  requirement_unmet: ['insufficient_rights', 'A requirement of this resource is not met'],

  // Binding of codes and tokens, by an authorization server
  dpop_jkt_malformed: ['invalid_request', 'The dpop_jkt parameter is not the thumbprint of a key'],
  dpop_jkt_mismatch: [
    'invalid_request',
    'The dpop_jkt parameter is not the thumbprint of the key of the DPoP proof',
  ],
  grant_key_binding: ['invalid_grant', 'The grant is bound to another DPoP key'],
  subject_token_key_binding: ['invalid_request', 'The subject token is bound to another DPoP key'],
} as const satisfies Record<string, readonly [DpopErrorCode, string]>;

/** Why the service refused a request, more precise than the code. For the operator; docs/errors.md lists all. */
export type RefusalReason = keyof typeof REFUSALS;

/**
 * The claim, header parameter, key member or step that caused a refusal, for a reason that covers several. For the
 * operator. The list is closed, so that it contains nothing that a client sent.
 */
export type RefusalDetail =
  // Claims of a proof or of a token
  | 'jti'
  | 'htm'
  | 'htu'
  | 'iat'
  | 'ath'
  | 'nonce'
  | 'exp'
  | 'nbf'
  | 'iss'
  | 'aud'
  | 'sub'
  | 'client_id'
  // Header parameters
  | 'typ'
  | 'alg'
  | 'crit'
  | 'kid'
  | 'jwk'
  // Members of a key
  | 'kty'
  | 'crv'
  | 'x'
  | 'y'
  | 'n'
  | 'e'
  | 'pub'
  | 'use'
  | 'key_ops'
  | 'ext'
  // Confirmation methods of a token
  | 'jwe'
  | 'jku'
  | 'x5t#S256'
  | 'osc'
  // Part of the request
  | 'host'
  | 'origin'
  | 'path'
  // Steps
  | 'segments'
  | 'header'
  | 'payload'
  | 'key'
  | 'signature';

/** Why the service could not verify a request: a failure of the service, answered with 503. */
export type UnavailableReason =
  | 'issuer_unavailable'
  | 'replay_store_unavailable'
  | 'replay_store_full'
  | 'revocation_unavailable'
  | 'revocation_undecidable'
  | 'nonce_secrets_unavailable'
  | 'origin_unavailable'
  | 'handshakes_full'
  | 'transport_unknown'
  | 'verdict_missing'
  | 'internal_failure';
