/** Why a session ends before its client or the app ends it. */
export type SessionEnd = 'token_expired' | 'token_revoked' | 'revocation_unavailable';
