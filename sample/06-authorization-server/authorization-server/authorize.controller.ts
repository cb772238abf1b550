import { Body, Controller, Get, Header, Headers, HttpCode, Inject, Post, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { type AuthorizationRequest, AuthorizationRequests } from './authorization-requests.js';
import { Codes } from './codes.js';
import { ExpiringMap } from './expiring-map.js';
import { type Form, requiredParameter } from './form.js';
import { formatLoginPage } from './login-page.js';
import { OAuthError } from './oauth.error.js';
import { isEqualSecret, randomSecret } from './secrets.js';
import { SERVER_OPTIONS, type ServerOptions } from './server-options.js';
import { Users } from './users.js';

interface Interaction {
  readonly request: AuthorizationRequest;
  /** The value of the cookie of the browser that began the interaction. */
  readonly browser: string;
}

const COOKIE = 'interaction';
const MAX_ATTEMPTS = 5;

/** The authorization endpoint: a login page, and the way back to the client with a code. */
@Controller('authorize')
export class AuthorizeController {
  readonly #interactions = new ExpiringMap<Interaction>(300);
  readonly #attempts = new ExpiringMap<number>(300);

  constructor(
    @Inject(SERVER_OPTIONS) private readonly options: ServerOptions,
    @Inject(AuthorizationRequests) private readonly requests: AuthorizationRequests,
    @Inject(Codes) private readonly codes: Codes,
    @Inject(Users) private readonly users: Users,
  ) {}

  @Header('Cache-Control', 'no-store')
  @Header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
  @Header('Referrer-Policy', 'no-referrer')
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Get()
  begin(@Query() query: Form, @Res({ passthrough: true }) response: Response): string {
    const request = this.requests.resolve(query);
    const [id, browser] = [randomSecret(), randomSecret()];
    this.#interactions.set(id, { request, browser });
    // The form must come from the browser that asked for it. On https, add `secure: true`.
    response.cookie(COOKIE, browser, { httpOnly: true, sameSite: 'lax', path: '/authorize' });
    return formatLoginPage({ clientId: request.clientId, scope: request.scope, interaction: id });
  }

  @Header('Cache-Control', 'no-store')
  @Header('Referrer-Policy', 'no-referrer')
  @HttpCode(303)
  @Post()
  async logIn(
    @Body() form: Form = {},
    @Res({ passthrough: true }) response: Response,
    @Headers('cookie') cookies = '',
  ): Promise<void> {
    const id = requiredParameter(form, 'interaction');
    const interaction = this.#interactions.get(id);
    if (interaction === undefined || !isEqualSecret(readCookie(cookies), interaction.browser))
      throw new OAuthError('invalid_request', 'The login has expired, or was begun in another browser');
    const attempts = (this.#attempts.get(id) ?? 0) + 1;
    this.#attempts.set(id, attempts);
    const user =
      attempts > MAX_ATTEMPTS
        ? undefined
        : await this.users.authenticate(
            requiredParameter(form, 'username'),
            requiredParameter(form, 'password'),
          );
    if (user === undefined) throw new OAuthError('invalid_request', 'The name or the password is wrong');
    this.#interactions.take(id);
    const { request } = interaction;
    const target = new URL(request.redirectUri);
    target.searchParams.set('code', this.codes.issue(request, user.name));
    if (request.state !== undefined) target.searchParams.set('state', request.state);
    // RFC 9207: the client sees which server the code is from.
    target.searchParams.set('iss', this.options.issuer);
    response.setHeader('Location', target.href);
  }
}

function readCookie(cookies: string): string {
  const pair = cookies.split(/; */).find((text) => text.startsWith(`${COOKIE}=`));
  return pair?.slice(COOKIE.length + 1) ?? '';
}
