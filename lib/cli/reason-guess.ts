import type { RefusalReason } from '../errors/catalogue.js';

/** Error codes that need no further word. */
const REASON_OF_ERROR: Readonly<Record<string, RefusalReason>> = {
  use_dpop_nonce: 'nonce_missing',
  insufficient_scope: 'scope_insufficient',
  insufficient_user_authentication: 'authentication_insufficient',
};

/** Words by which other servers tell what is wrong, the telling ones first. */
const WORDS: readonly (readonly [RegExp, RefusalReason])[] = [
  [/\bhtu\b/i, 'proof_htu'],
  [/\bhtm\b/i, 'proof_htm'],
  [/\bath\b/i, 'proof_ath'],
  [/\breplay|already (?:been )?used|used before/i, 'proof_replayed'],
  [/\biat\b|proof.*(?:too old|expired)/i, 'proof_stale'],
  [/\bjti\b/i, 'proof_claims'],
  [/\bnonce\b/i, 'nonce_unacceptable'],
  [/key binding|thumbprint|\bjkt\b|\bcnf\b/i, 'key_binding'],
  [/proof.*\btyp\b|dpop\+jwt/i, 'proof_typ'],
  [/private/i, 'proof_jwk_private'],
  [/\bjwk\b/i, 'proof_jwk'],
  [/proof.*signature|signature.*proof/i, 'proof_signature'],
  [/proof.*\balg|algorithm.*proof/i, 'proof_alg'],
  [/proof.*missing|missing.*proof/i, 'proof_missing'],
  [/\baud(?:ience)?\b/i, 'token_audience'],
  [/\biss(?:uer)?\b/i, 'token_issuer'],
  [/\bexp(?:ired|iry)?\b/i, 'token_expired'],
];

/** What a server of another kind probably means; `undefined` if its words tell nothing. */
export function guessReason(
  error: string | undefined,
  description: string | undefined,
): RefusalReason | undefined {
  const certain = error === undefined ? undefined : REASON_OF_ERROR[error];
  if (certain !== undefined) return certain;
  return WORDS.find(([pattern]) => pattern.test(description ?? ''))?.[1];
}
