import { Inject, Injectable } from '@nestjs/common';
import { hash, randomUUID } from 'node:crypto';
import type { Authorization } from './access-tokens.js';
import type { AuthorizationRequest } from './authorization-requests.js';
import type { Client } from './clients.js';
import { ExpiringMap } from './expiring-map.js';
import { type Form, optionalParameter, requiredParameter } from './form.js';
import { Grants } from './grants.js';
import { OAuthError } from './oauth.error.js';
import { digestOf, isEqualSecret, randomSecret } from './secrets.js';

/** A code that was redeemed, with the key that its tokens must be bound to. */
export interface RedeemedCode extends Authorization {
  readonly jkt: string | undefined;
}

interface CodeRecord {
  readonly request: AuthorizationRequest;
  readonly subject: string;
  readonly grantId: string;
  isSpent: boolean;
}

/** Issues authorization codes, and redeems each of them once. */
@Injectable()
export class Codes {
  readonly #codes = new ExpiringMap<CodeRecord>(60);

  constructor(@Inject(Grants) private readonly grants: Grants) {}

  issue(request: AuthorizationRequest, subject: string): string {
    const code = randomSecret();
    this.#codes.set(digestOf(code), { request, subject, grantId: randomUUID(), isSpent: false });
    return code;
  }

  /**
   * Spends a code. A code that comes a second time was stolen: all tokens of it are revoked (RFC 6749 §4.1.2).
   *
   * @throws OAuthError `invalid_grant`
   */
  redeem(form: Form, client: Client): RedeemedCode {
    const record = this.#codes.get(digestOf(requiredParameter(form, 'code')));
    if (record === undefined || record.request.clientId !== client.id) throw invalidCode();
    const { request, subject, grantId } = record;
    if (record.isSpent) {
      this.grants.revoke(grantId);
      throw invalidCode();
    }
    record.isSpent = true;
    const challenge = hash('sha256', requiredParameter(form, 'code_verifier'), 'base64url');
    if (!isEqualSecret(challenge, request.codeChallenge)) throw invalidCode();
    if (optionalParameter(form, 'redirect_uri') !== request.redirectUri) throw invalidCode();
    return { subject, clientId: client.id, scope: request.scope, grantId, jkt: request.jkt };
  }
}

function invalidCode(): OAuthError {
  return new OAuthError(
    'invalid_grant',
    'The code is unknown, was used, has expired, or is of another client',
  );
}
