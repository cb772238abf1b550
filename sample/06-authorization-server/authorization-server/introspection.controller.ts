import { Body, Controller, Header, Headers, HttpCode, Inject, Post } from '@nestjs/common';
import { DpopBindings } from 'nestjs-dpop';
import { AccessTokens } from './access-tokens.js';
import { Clients } from './clients.js';
import { type Form, requiredParameter } from './form.js';
import { OAuthError } from './oauth.error.js';

/** Tells an API about a token (RFC 7662): whether it is active, and which key it is bound to. */
@Controller('introspect')
export class IntrospectionController {
  constructor(
    @Inject(Clients) private readonly clients: Clients,
    @Inject(AccessTokens) private readonly accessTokens: AccessTokens,
    @Inject(DpopBindings) private readonly bindings: DpopBindings,
  ) {}

  @Header('Cache-Control', 'no-store')
  @HttpCode(200)
  @Post()
  async introspect(
    @Body() form: Form = {},
    @Headers('authorization') authorization?: string,
  ): Promise<object> {
    const api = this.clients.authenticate(authorization, form);
    if (api.type !== 'confidential' || api.resource === undefined)
      throw new OAuthError('unauthorized_client', 'Only an API may ask about tokens');
    const claims = await this.accessTokens.verify(requiredParameter(form, 'token'));
    // An API learns nothing of the tokens of another one.
    if (claims === undefined || ![claims.aud].flat().includes(api.resource)) return { active: false };
    const { iss, sub, aud, exp, iat, jti, scope, client_id, cnf } = claims;
    return {
      active: true,
      ...{ iss, sub, aud, exp, iat, jti, scope, client_id },
      ...this.bindings.ofToken(cnf?.jkt),
    };
  }
}
