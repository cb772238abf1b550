import type { RefusalReason } from '../errors/catalogue.js';

const SERVER_KEYS = 'compare the issuer and the audience of the service with iss and aud of the token';

/** What a client, or the operator of the service, usually has to change. */
const ADVICE = {
  credentials_missing: 'send Authorization: DPoP with an access token, and a DPoP field with a proof',
  authorization_repeated: 'send one Authorization field; look for a proxy or a library that adds another',
  authorization_malformed: 'send "DPoP", a space and the token, without quotes and line breaks',
  target_unusable: 'call a path without "." and ".." segments, white space and raw "#"',
  host_unusable: 'send one Host field with a host and an optional port',
  https_required: 'call the service by https, or let its proxy tell that it was',
  bearer_not_accepted: 'send the token with the scheme DPoP and a proof',
  bound_token_as_bearer: 'send the token with the scheme DPoP and a proof; it is bound to a key',
  token_too_large: 'request a shorter token, or raise maxTokenBytes of the service',
  token_invalid: `request a new token; if it is refused too, ${SERVER_KEYS}`,
  token_inactive: 'request a new token: the issuer says that this one is not active',
  token_issuer:
    'request the token from the issuer that the service trusts, or correct its option issuer; a slash at the end counts',
  token_audience: 'request a token for this service (resource or audience), or correct its option audience',
  token_type: 'send the access token, not the ID token; if the issuer sends typ JWT, set typ of the service',
  token_expired: 'request a new token',
  token_not_yet_valid: 'compare the clocks of the issuer and of the service',
  token_unbound: 'send a proof with the token request, and enable DPoP for the client at the issuer',
  key_binding:
    'sign the proof with the key with which the token was requested, or request a new token with this key',
  confirmation_unchecked: 'the token is bound to more than a key: set the option confirmation of the service',
  confirmation_mismatch: 'present the client certificate that the token is bound to',
  token_revoked: 'request a new token',
  proof_repeated: 'send one DPoP field; replace the proof at a retry, and do not append one',
  proof_missing: 'send a DPoP field with a proof',
  proof_too_large: 'use a key with shorter signatures, or raise proof.maxBytes of the service',
  proof_malformed:
    'make the proof a JWT in compact form: three segments of base64url, the first two JSON objects',
  proof_claims:
    'add the claim, with the right type: jti, htm, htu and ath are strings, iat is a number of seconds',
  proof_typ: 'set typ of the proof header to dpop+jwt',
  proof_alg: 'sign with one of the accepted algorithms',
  proof_crit: 'leave crit and b64 out of the proof header',
  proof_jwk: 'put the public key of the signature into jwk; kty and crv must be those of alg',
  proof_jwk_private:
    'put the public key alone into jwk, and replace the key: its private part has left the client',
  proof_jwk_size: 'use an RSA key of 2048 to 4096 bits with the exponent 65537',
  proof_signature:
    'sign header and payload as they are sent, with the private key of jwk; ECDSA signatures are r and s, not DER',
  proof_htm: 'set htm to the method that is sent, in the same case',
  proof_htu:
    'set htu to the URL that is called, without query and fragment; behind a proxy, compare the option origin of the service',
  proof_htu_query: 'leave query and fragment out of htu',
  proof_stale:
    'make a new proof for each request and each retry, and compare the clocks of client and service',
  proof_early: 'compare the clocks of client and service; iat is in seconds, not milliseconds',
  proof_ath: 'set ath to base64url(SHA-256(token)) of the token as it is sent, without padding',
  proof_ath_unexpected:
    'leave ath out of a proof for a token request: it belongs to requests with an access token',
  proof_replayed: 'make a new proof with a random jti for each request and each retry',
  nonce_missing: 'put the nonce of the field DPoP-Nonce into the proof, and send the request again',
  nonce_unacceptable: 'put the nonce of the last field DPoP-Nonce of this server into the proof',
  nonce_renewal: 'put the nonce of the field DPoP-Nonce into a new proof, and send the request again',
  ticket_repeated: 'send one ticket, as the parameter ticket or as a sub-protocol',
  ticket_beside_credentials: 'send either a ticket, or an access token with a proof',
  ticket_invalid: 'fetch a new ticket, and send it as it was issued',
  ticket_expired: 'fetch a new ticket just before it is used',
  ticket_early: 'compare the clocks of the instances of the service',
  ticket_path: 'fetch a ticket for the path that is requested',
  ticket_binding: 'fetch a new ticket with the access token that is in use',
  ticket_nonce: 'fetch the ticket with a proof that has a nonce',
  ticket_spent: 'fetch a new ticket for each connection, also to reconnect',
  ticket_renewal: 'fetch a new ticket',
  scope_insufficient: 'request a token with the scopes that the challenge names',
  authentication_insufficient: 'let the user sign in again, as acr_values and max_age of the challenge say',
  role_insufficient: 'give the user or the client the role at the issuer',
  permission_insufficient: 'give the user or the client the permission at the issuer',
  authorization_details_insufficient:
    'request the token with the authorization_details that the route requires',
  requirement_unmet: 'ask the operator which requirement of the route is not met; the log names it',
  dpop_jkt_malformed: 'send the SHA-256 thumbprint of the key (RFC 7638), in base64url, once',
  dpop_jkt_mismatch: 'sign the proof of the pushed request with the key that dpop_jkt names',
  grant_key_binding: 'use the key that the code or the refresh token was issued for',
  subject_token_key_binding: 'sign the proof with the key that the subject token is bound to',
} as const satisfies Record<RefusalReason, string>;

export function adviceFor(reason: RefusalReason): string {
  return ADVICE[reason];
}
