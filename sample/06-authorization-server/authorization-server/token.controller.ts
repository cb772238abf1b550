import { Body, Controller, Headers, HttpCode, Inject, Post, UseGuards } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { DpopBindings, DpopBound, DpopProofGuard, type TokenBinding } from 'nestjs-dpop';
import { ACCESS_TOKEN_SECONDS, AccessTokens, type Authorization } from './access-tokens.js';
import { grantScope } from './authorization-requests.js';
import { type Client, Clients } from './clients.js';
import { Codes } from './codes.js';
import { type Form, optionalParameter, requiredParameter } from './form.js';
import { OAuthError } from './oauth.error.js';
import { RefreshTokens } from './refresh-tokens.js';
import { ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE, TokenExchange } from './token-exchange.js';

type TokenResponse = Readonly<Record<string, string | number>>;

/** The token endpoint. The guard verifies the proof; `bindings` decides what the tokens are bound to. */
@UseGuards(DpopProofGuard)
@Controller('token')
export class TokenController {
  constructor(
    @Inject(Clients) private readonly clients: Clients,
    @Inject(Codes) private readonly codes: Codes,
    @Inject(AccessTokens) private readonly accessTokens: AccessTokens,
    @Inject(RefreshTokens) private readonly refreshTokens: RefreshTokens,
    @Inject(TokenExchange) private readonly exchange: TokenExchange,
    @Inject(DpopBindings) private readonly bindings: DpopBindings,
  ) {}

  @HttpCode(200)
  @Post()
  async issue(
    @Body() form: Form = {},
    @DpopBound() jkt: string | undefined,
    @Headers('authorization') authorization?: string,
  ): Promise<TokenResponse> {
    const client = this.clients.authenticate(authorization, form);
    const grantType = requiredParameter(form, 'grant_type');
    if (!client.grantTypes.includes(grantType))
      throw new OAuthError('unauthorized_client', 'The client may not use this grant type');
    switch (grantType) {
      case 'authorization_code':
        return await this.#redeemCode(form, client, jkt);
      case 'refresh_token':
        return await this.#refresh(form, client, jkt);
      case 'client_credentials':
        return await this.#issueForClient(form, client, jkt);
      case TOKEN_EXCHANGE:
        return await this.#exchangeToken(form, client, jkt);
      default:
        throw new OAuthError('unsupported_grant_type', 'The grant type is not supported');
    }
  }

  /** The code is spent first: one that was tried with a wrong key is gone. */
  async #redeemCode(form: Form, client: Client, jkt: string | undefined): Promise<TokenResponse> {
    const { jkt: grantJkt, ...authorization } = this.codes.redeem(form, client);
    const binding = this.bindings.ofTokenRequest({ jkt, client, grantJkt });
    return await this.#respondWithRefresh(authorization, client, binding);
  }

  /** The key is checked first: a thief without it cannot spend the token of the client, nor revoke the grant. */
  async #refresh(form: Form, client: Client, jkt: string | undefined): Promise<TokenResponse> {
    const token = requiredParameter(form, 'refresh_token');
    const { authorization, jkt: grantJkt } = this.refreshTokens.find(token, client.id);
    const binding = this.bindings.ofTokenRequest({ jkt, client, grantJkt });
    const scope = grantScope(optionalParameter(form, 'scope'), authorization.scope.split(' '));
    this.refreshTokens.rotate(token);
    return await this.#respondWithRefresh({ ...authorization, scope }, client, binding);
  }

  async #issueForClient(form: Form, client: Client, jkt: string | undefined): Promise<TokenResponse> {
    if (client.type !== 'confidential')
      throw new OAuthError('unauthorized_client', 'The client must be confidential');
    const binding = this.bindings.ofTokenRequest({ jkt, client });
    const scope = grantScope(optionalParameter(form, 'scope'), client.scopes);
    return await this.#respond(
      { subject: client.id, clientId: client.id, scope, grantId: randomUUID() },
      binding,
    );
  }

  async #exchangeToken(form: Form, client: Client, jkt: string | undefined): Promise<TokenResponse> {
    const { authorization, subjectToken } = await this.exchange.verify(form, client);
    const binding = this.bindings.ofTokenRequest({ jkt, client, subjectToken });
    const response = await this.#respond(authorization, binding, { sub: client.id });
    return { ...response, issued_token_type: ACCESS_TOKEN_TYPE };
  }

  async #respondWithRefresh(
    authorization: Authorization,
    client: Client,
    binding: TokenBinding,
  ): Promise<TokenResponse> {
    const response = await this.#respond(authorization, binding);
    if (!client.grantTypes.includes('refresh_token')) return response;
    return { ...response, refresh_token: this.refreshTokens.issue(authorization, binding.refreshTokenJkt) };
  }

  async #respond(
    authorization: Authorization,
    { confirmation, tokenType }: TokenBinding,
    act?: { readonly sub: string },
  ): Promise<TokenResponse> {
    return {
      access_token: await this.accessTokens.issue(authorization, confirmation, act),
      token_type: tokenType,
      expires_in: ACCESS_TOKEN_SECONDS,
      scope: authorization.scope,
    };
  }
}
