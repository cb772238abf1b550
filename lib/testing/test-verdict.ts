import { hash } from 'node:crypto';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { attachRights } from '../claims/attached-rights.js';
import type { TokenRights } from '../claims/token-rights.js';
import { createVerdict, type DpopVerdict } from '../verification/verdict.js';

/** What a request is taken to have proved. Everything has a default. */
export interface TestVerdictOptions extends Partial<TokenRights> {
  /** Default: the thumbprint of no key, 43 characters. */
  readonly jkt?: string;
  /** Default `https://issuer.test`. */
  readonly issuer?: string;
  /** Default `user`. */
  readonly subject?: string;
  /** Whether the proof carried a nonce. Default true, so that routes that require one let the request pass. */
  readonly hasNonce?: boolean;
  /** Default `access-token`. */
  readonly token?: string;
  /** Claims beside `iss`, `sub`, `client_id`, `scope` and `cnf`, such as `acr`. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

const JKT = hash('sha256', 'nestjs-dpop/testing', 'base64url');

/**
 * A verdict for tests that verify nothing. For a unit test of code that takes a verdict, and for `TestGuard`.
 *
 * @example
 * ```ts
 * const verdict = createTestVerdict({ subject: 'alice', scopes: ['accounts:read'] });
 * ```
 */
export function createTestVerdict(options: TestVerdictOptions = {}): DpopVerdict {
  const { jkt = JKT, issuer = 'https://issuer.test', subject = 'user', hasNonce = true } = options;
  const { token = 'access-token', clientId = 'client', scopes = [], roles = [] } = options;
  const { permissions = [], clientRoles = {} } = options;
  const claims: AccessTokenClaims = {
    iss: issuer,
    sub: subject,
    client_id: clientId,
    cnf: { jkt },
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...options.claims,
  };
  const withRights = attachRights(claims, () => ({ clientId, scopes, roles, permissions, clientRoles }));
  const nonce = hasNonce ? { expiresAtSeconds: 0, epoch: '', renewalDue: false } : undefined;
  return createVerdict('DPoP', token, Object.freeze(withRights), jkt, nonce);
}
