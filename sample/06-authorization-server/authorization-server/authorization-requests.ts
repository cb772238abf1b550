import { Inject, Injectable } from '@nestjs/common';
import { DpopBindings } from 'nestjs-dpop';
import { type Client, Clients } from './clients.js';
import { ExpiringMap } from './expiring-map.js';
import { type Form, optionalParameter, requiredParameter } from './form.js';
import { OAuthError } from './oauth.error.js';
import { randomSecret } from './secrets.js';

const REQUEST_URI_PREFIX = 'urn:ietf:params:oauth:request_uri:';

/** A valid authorization request. */
export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope: string;
  readonly state: string | undefined;
  readonly codeChallenge: string;
  /** The key that the code will be bound to (RFC 9449 §10). */
  readonly jkt: string | undefined;
}

/** Validates authorization requests, and keeps those that clients have pushed (RFC 9126). */
@Injectable()
export class AuthorizationRequests {
  readonly #pushed = new ExpiringMap<AuthorizationRequest>(60);

  constructor(
    @Inject(Clients) private readonly clients: Clients,
    @Inject(DpopBindings) private readonly bindings: DpopBindings,
  ) {}

  /** @param jkt the key of the proof of the pushed request, if it had one */
  push(
    form: Form,
    client: Client,
    jkt: string | undefined,
  ): { readonly request_uri: string; readonly expires_in: number } {
    if (form['request_uri'] !== undefined)
      throw new OAuthError('invalid_request', 'request_uri cannot be pushed');
    const request = this.#validate(form, client, jkt);
    const requestUri = REQUEST_URI_PREFIX + randomSecret();
    this.#pushed.set(requestUri, request);
    return { request_uri: requestUri, expires_in: this.#pushed.lifetimeSeconds };
  }

  /** The request of the authorization endpoint: the pushed one, once, or that in the query. */
  resolve(query: Form): AuthorizationRequest {
    const client = this.clients.find(requiredParameter(query, 'client_id'));
    if (client === undefined) throw new OAuthError('invalid_request', 'The client is unknown');
    const requestUri = optionalParameter(query, 'request_uri');
    if (requestUri === undefined) return this.#validate(query, client, undefined);
    const request = this.#pushed.take(requestUri);
    if (request?.clientId !== client.id)
      throw new OAuthError('invalid_request', 'The request_uri is unknown, was used, or has expired');
    return request;
  }

  #validate(form: Form, client: Client, jkt: string | undefined): AuthorizationRequest {
    const redirectUri = requiredParameter(form, 'redirect_uri');
    if (!client.redirectUris.includes(redirectUri))
      throw new OAuthError('invalid_request', 'The redirect_uri is not registered');
    if (requiredParameter(form, 'response_type') !== 'code')
      throw new OAuthError('unsupported_response_type', 'Only response_type=code is supported');
    if (optionalParameter(form, 'code_challenge_method') !== 'S256')
      throw new OAuthError('invalid_request', 'code_challenge_method must be S256');
    const codeChallenge = requiredParameter(form, 'code_challenge');
    if (!/^[\w-]{43}$/.test(codeChallenge))
      throw new OAuthError('invalid_request', 'code_challenge is malformed');
    return {
      clientId: client.id,
      redirectUri,
      scope: grantScope(optionalParameter(form, 'scope'), client.scopes),
      state: optionalParameter(form, 'state'),
      codeChallenge,
      jkt: this.bindings.ofAuthorizationRequest({ dpopJkt: form['dpop_jkt'], jkt }),
    };
  }
}

/**
 * The scope that a client gets: what it asks for, or all that it may have.
 *
 * @throws OAuthError `invalid_scope`
 */
export function grantScope(asked: string | undefined, allowed: readonly string[]): string {
  const scopes = asked?.split(' ') ?? allowed;
  if (!scopes.every((scope) => allowed.includes(scope)))
    throw new OAuthError('invalid_scope', 'A scope is unknown, or the client may not have it');
  return scopes.join(' ');
}
