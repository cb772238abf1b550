import { randomUUID } from 'node:crypto';
import { Body, Controller, HttpCode, Inject, Post, UseGuards } from '@nestjs/common';
import {
  type BindingClient,
  DpopAuthorizationServerModule,
  DpopBindings,
  DpopBound,
  DpopProof,
  DpopProofGuard,
  type TokenBinding,
} from 'nestjs-dpop';
import type { Platform } from './platforms.js';
import { type RunningApp, startApp } from './running-app.js';

type Form = Readonly<Record<string, string | undefined>>;

const CLIENT: BindingClient = { type: 'public', dpopBoundAccessTokens: true };

/** An authorization server as far as foreign clients need one: for one public client, without PKCE, with opaque tokens. */
export class SmallAuthorizationServer {
  /** The keys of codes and refresh tokens. */
  readonly grants = new Map<string, string | undefined>();
  readonly pushed = new Map<string, string | undefined>();
  /** The keys that access tokens were bound to. */
  readonly issued = new Map<string, string | undefined>();

  #app: RunningApp | undefined;

  static async start(platform: Platform): Promise<SmallAuthorizationServer> {
    const server = new SmallAuthorizationServer();
    server.#app = await startApp(platform, {
      module: class SmallServerModule {},
      imports: [
        DpopAuthorizationServerModule.forRoot({
          issuer: 'http://127.0.0.1',
          origin: () => server.app.url,
          nonce: 'required',
        }),
      ],
      controllers: [createController(server)],
    });
    return server;
  }

  get app(): RunningApp {
    if (this.#app === undefined) throw new Error('the server has not started');
    return this.#app;
  }

  get metadata() {
    const { url: issuer } = this.app;
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      pushed_authorization_request_endpoint: `${issuer}/par`,
      token_endpoint: `${issuer}/token`,
      token_endpoint_auth_methods_supported: ['none'],
      dpop_signing_alg_values_supported: ['ES256'],
    };
  }

  /** What the authorization endpoint does once the user has agreed. */
  authorize(url: URL): URL {
    const requestUri = url.searchParams.get('request_uri');
    const jkt =
      requestUri === null
        ? this.app.nest.get(DpopBindings).ofAuthorizationRequest({
            dpopJkt: url.searchParams.get('dpop_jkt') ?? undefined,
          })
        : this.pushed.get(requestUri);
    const code = randomUUID();
    this.grants.set(code, jkt);
    const callback = new URL('http://127.0.0.1/callback');
    callback.searchParams.set('code', code);
    const state = url.searchParams.get('state');
    if (state !== null) callback.searchParams.set('state', state);
    return callback;
  }
}

function createController(server: SmallAuthorizationServer) {
  @UseGuards(DpopProofGuard)
  @Controller()
  class EndpointsController {
    constructor(@Inject(DpopBindings) private readonly bindings: DpopBindings) {}

    @DpopProof({ absentProof: 'accept' })
    @Post('par')
    push(@Body() form: Form, @DpopBound() jkt: string | undefined): object {
      const requestUri = `urn:ietf:params:oauth:request_uri:${randomUUID()}`;
      server.pushed.set(requestUri, this.bindings.ofAuthorizationRequest({ dpopJkt: form['dpop_jkt'], jkt }));
      return { request_uri: requestUri, expires_in: 60 };
    }

    @HttpCode(200)
    @Post('token')
    issue(@Body() form: Form, @DpopBound() jkt: string): object {
      const grant = form['code'] ?? form['refresh_token'];
      const { grants } = server;
      if (grant === undefined) return this.#respond(this.bindings.ofTokenRequest({ jkt, client: CLIENT }));
      if (!grants.has(grant)) throw new Error('the grant is unknown');
      const binding = this.bindings.ofTokenRequest({ jkt, client: CLIENT, grantJkt: grants.get(grant) });
      grants.delete(grant);
      return this.#respond(binding);
    }

    #respond({ tokenType, jkt, refreshTokenJkt }: TokenBinding): object {
      const [access_token, refresh_token] = [randomUUID(), randomUUID()];
      server.issued.set(access_token, jkt);
      server.grants.set(refresh_token, refreshTokenJkt);
      return { access_token, token_type: tokenType, expires_in: 60, refresh_token };
    }
  }
  return EndpointsController;
}
