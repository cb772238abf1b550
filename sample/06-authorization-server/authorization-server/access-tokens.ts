import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { TokenBinding } from 'nestjs-dpop';
import { Grants } from './grants.js';
import { SERVER_OPTIONS, type ServerOptions } from './server-options.js';
import { SIGNING_ALGORITHM, SigningKeys } from './signing-keys.js';

export const ACCESS_TOKEN_SECONDS = 300;

/** What an access token is issued for. */
export interface Authorization {
  readonly subject: string;
  readonly clientId: string;
  readonly scope: string;
  /** The code that it came from; all tokens of it are revoked together. */
  readonly grantId: string;
}

export interface AccessTokenClaims extends JWTPayload {
  readonly client_id?: string;
  readonly scope?: string;
  readonly grant_id?: string;
  readonly cnf?: { readonly jkt?: string };
}

/** Signs access tokens (RFC 9068), and knows which of them are active. */
@Injectable()
export class AccessTokens {
  constructor(
    @Inject(SERVER_OPTIONS) private readonly options: ServerOptions,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(Grants) private readonly grants: Grants,
  ) {}

  /** @param confirmation `cnf` with the key that the token is bound to, or nothing */
  async issue(
    { subject, clientId, scope, grantId }: Authorization,
    confirmation: TokenBinding['confirmation'],
    act?: { readonly sub: string },
  ): Promise<string> {
    const { kid, privateKey } = this.keys.current;
    return await new SignJWT({
      client_id: clientId,
      scope,
      grant_id: grantId,
      ...confirmation,
      ...(act && { act }),
    })
      .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: 'at+jwt', kid })
      .setIssuer(this.options.issuer)
      .setAudience(this.options.resource)
      .setSubject(subject)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${ACCESS_TOKEN_SECONDS} s`)
      .sign(privateKey);
  }

  /** The claims of an active token of this server. */
  async verify(token: string): Promise<AccessTokenClaims | undefined> {
    try {
      const { payload } = await jwtVerify<AccessTokenClaims>(token, this.keys.verificationKeys, {
        issuer: this.options.issuer,
        typ: 'at+jwt',
        algorithms: [SIGNING_ALGORITHM],
        requiredClaims: ['exp', 'sub', 'aud'],
      });
      return this.grants.isRevoked(payload.grant_id ?? '') ? undefined : payload;
    } catch {
      return undefined;
    }
  }
}
