import type { RefusalReason } from '../errors/catalogue.js';

/** The twelve checks of RFC 9449 §4.3. The twelfth has two halves. */
export const CHECKS = {
  field: ['1', 'one DPoP field'],
  form: ['2', 'well-formed JWT'],
  claims: ['3', 'required claims'],
  typ: ['4', 'typ'],
  alg: ['5', 'alg'],
  signature: ['6', 'signature'],
  jwk: ['7', 'jwk, a public key'],
  htm: ['8', 'htm'],
  htu: ['9', 'htu'],
  nonce: ['10', 'nonce'],
  iat: ['11', 'iat'],
  ath: ['12', 'ath'],
  binding: ['12', 'key of the token'],
} as const satisfies Record<string, readonly [number: string, title: string]>;

export type CheckName = keyof typeof CHECKS;

/** What is checked beside the proof. */
export type OtherCheck = 'request' | 'token' | 'replay' | 'route';

const CHECK_OF_REASON = {
  credentials_missing: 'request',
  authorization_repeated: 'request',
  authorization_malformed: 'request',
  target_unusable: 'htu',
  host_unusable: 'htu',
  https_required: 'htu',
  bearer_not_accepted: 'request',
  bound_token_as_bearer: 'request',
  token_too_large: 'token',
  token_invalid: 'token',
  token_inactive: 'token',
  token_issuer: 'token',
  token_audience: 'token',
  token_type: 'token',
  token_expired: 'token',
  token_not_yet_valid: 'token',
  token_unbound: 'token',
  key_binding: 'binding',
  confirmation_unchecked: 'token',
  confirmation_mismatch: 'token',
  token_revoked: 'token',
  proof_repeated: 'field',
  proof_missing: 'field',
  proof_too_large: 'form',
  proof_malformed: 'form',
  proof_claims: 'claims',
  proof_typ: 'typ',
  proof_alg: 'alg',
  proof_crit: 'form',
  proof_jwk: 'jwk',
  proof_jwk_private: 'jwk',
  proof_jwk_size: 'jwk',
  proof_signature: 'signature',
  proof_htm: 'htm',
  proof_htu: 'htu',
  proof_htu_query: 'htu',
  proof_stale: 'iat',
  proof_early: 'iat',
  proof_ath: 'ath',
  proof_ath_unexpected: 'ath',
  proof_replayed: 'replay',
  nonce_missing: 'nonce',
  nonce_unacceptable: 'nonce',
  nonce_renewal: 'nonce',
  ticket_repeated: 'request',
  ticket_beside_credentials: 'request',
  ticket_invalid: 'request',
  ticket_expired: 'request',
  ticket_early: 'request',
  ticket_path: 'request',
  ticket_binding: 'request',
  ticket_nonce: 'request',
  ticket_spent: 'request',
  ticket_renewal: 'request',
  scope_insufficient: 'route',
  authentication_insufficient: 'route',
  role_insufficient: 'route',
  permission_insufficient: 'route',
  authorization_details_insufficient: 'route',
  requirement_unmet: 'route',
  dpop_jkt_malformed: 'request',
  dpop_jkt_mismatch: 'request',
  grant_key_binding: 'binding',
  subject_token_key_binding: 'binding',
} as const satisfies Record<RefusalReason, CheckName | OtherCheck>;

export function checkOfReason(reason: RefusalReason): CheckName | OtherCheck {
  return CHECK_OF_REASON[reason];
}

const OTHERS = {
  request: 'the credentials of the request',
  token: 'the access token',
  replay: 'replay (§11.1)',
  route: 'the requirements of the route',
} as const satisfies Record<OtherCheck, string>;

/** Such as `check 9 of §4.3, htu`. */
export function nameCheck(check: CheckName | OtherCheck): string {
  if (!isProofCheck(check)) return OTHERS[check];
  const [number, title] = CHECKS[check];
  return `check ${number} of §4.3, ${title}`;
}

function isProofCheck(check: CheckName | OtherCheck): check is CheckName {
  return check in CHECKS;
}
