import { Inject, Injectable } from '@nestjs/common';
import type { Authorization } from './access-tokens.js';
import { ExpiringMap } from './expiring-map.js';
import { Grants } from './grants.js';
import { OAuthError } from './oauth.error.js';
import { digestOf, randomSecret } from './secrets.js';

interface RefreshTokenRecord {
  readonly authorization: Authorization;
  /** The key that the token is bound to, for a public client (RFC 9449 §5). */
  readonly jkt: string | undefined;
  isRotated: boolean;
}

/** Issues refresh tokens, each of which is good for one use. */
@Injectable()
export class RefreshTokens {
  readonly #tokens = new ExpiringMap<RefreshTokenRecord>(86_400);

  constructor(@Inject(Grants) private readonly grants: Grants) {}

  /** @param jkt `refreshTokenJkt` of the binding */
  issue(authorization: Authorization, jkt: string | undefined): string {
    const token = randomSecret();
    this.#tokens.set(digestOf(token), { authorization, jkt, isRotated: false });
    return token;
  }

  /**
   * What a token is for, before it is used.
   *
   * @throws OAuthError `invalid_grant`
   */
  find(token: string, clientId: string): Readonly<RefreshTokenRecord> {
    const record = this.#tokens.get(digestOf(token));
    if (record?.authorization.clientId !== clientId) throw invalidToken();
    if (this.grants.isRevoked(record.authorization.grantId)) throw invalidToken();
    return record;
  }

  /**
   * Spends a token. One that was spent before was stolen, or its successor was: the whole grant is revoked.
   *
   * @throws OAuthError `invalid_grant`
   */
  rotate(token: string): void {
    const record = this.#tokens.get(digestOf(token));
    if (record === undefined) throw invalidToken();
    if (record.isRotated) {
      this.grants.revoke(record.authorization.grantId);
      throw invalidToken();
    }
    record.isRotated = true;
  }
}

function invalidToken(): OAuthError {
  return new OAuthError(
    'invalid_grant',
    'The refresh token is unknown, was used, has expired, or is of another client',
  );
}
