import { Inject, Injectable } from '@nestjs/common';
import type { SubjectTokenKeys } from 'nestjs-dpop';
import { AccessTokens, type Authorization } from './access-tokens.js';
import { grantScope } from './authorization-requests.js';
import type { Client } from './clients.js';
import { type Form, optionalParameter, requiredParameter } from './form.js';
import { OAuthError } from './oauth.error.js';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** What a subject token may be exchanged for. */
export interface Exchange {
  readonly authorization: Authorization;
  readonly subjectToken: SubjectTokenKeys;
}

/** Verifies subject tokens of this server (RFC 8693). */
@Injectable()
export class TokenExchange {
  constructor(@Inject(AccessTokens) private readonly accessTokens: AccessTokens) {}

  /** @throws OAuthError `invalid_request`, as RFC 8693 §2.2.2 has it */
  async verify(form: Form, client: Client): Promise<Exchange> {
    if (requiredParameter(form, 'subject_token_type') !== ACCESS_TOKEN_TYPE)
      throw new OAuthError('invalid_request', 'The subject token must be an access token');
    const claims = await this.accessTokens.verify(requiredParameter(form, 'subject_token'));
    if (claims?.sub === undefined) throw new OAuthError('invalid_request', 'The subject token is not active');
    const { sub: subject, aud, scope = '', grant_id: grantId = '', cnf } = claims;
    return {
      authorization: {
        subject,
        clientId: client.id,
        // Never more than the subject token had.
        scope: grantScope(optionalParameter(form, 'scope'), scope.split(' ')),
        grantId,
      },
      subjectToken: {
        jkt: cnf?.jkt,
        isForClient: client.resource !== undefined && [aud].flat().includes(client.resource),
      },
    };
  }
}
