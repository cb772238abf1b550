import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { type CryptoKey, SignJWT } from 'jose';
import type { HandClock } from './hand-clock.js';
import { AUDIENCE, BareIssuer, RFC8414 } from './bare-issuer.js';

/** The client that the service is at the issuer. */
export const CLIENT = { id: 'the api', secret: 'a s%cret+/:ü' } as const;
export const SIGNED_TYPE = 'application/token-introspection+jwt';

export interface AskedQuestion {
  readonly headers: IncomingHttpHeaders;
  readonly body: URLSearchParams;
}

export type Introspect = (response: ServerResponse, question: AskedQuestion) => void | Promise<void>;

/** An issuer whose introspection endpoint answers what the test says. */
export class IntrospectedIssuer {
  readonly questions: AskedQuestion[] = [];
  /** What the endpoint does; by default it answers `response` as JSON. */
  introspect: Introspect = (response) => this.sendJson(response, this.response);
  response: object;

  private constructor(
    readonly bare: BareIssuer,
    readonly key: CryptoKey,
    private readonly clock: HandClock,
    readonly active: object,
  ) {
    this.response = active;
  }

  static async listen(clock: HandClock, jkt: string): Promise<IntrospectedIssuer> {
    const bare = await BareIssuer.listen();
    bare.documents.set(RFC8414, { ...bare.metadata, introspection_endpoint: `${bare.issuer}/introspect` });
    const seconds = Math.floor(clock.ms / 1000);
    const active = {
      active: true,
      iss: bare.issuer,
      aud: AUDIENCE,
      sub: 'user',
      client_id: 'client',
      scope: 'read write',
      token_type: 'DPoP',
      exp: seconds + 3600,
      iat: seconds,
      cnf: { jkt },
    };
    const issuer = new IntrospectedIssuer(bare, await bare.addKey({ kid: 'one' }), clock, active);
    bare.documents.set('/introspect', (request: IncomingMessage, response: ServerResponse) => {
      void issuer.#ask(request, response);
    });
    return issuer;
  }

  get issuer(): string {
    return this.bare.issuer;
  }

  get accessToken() {
    return this.bare.accessToken;
  }

  /** How often the endpoint was asked. */
  get count(): number {
    return this.questions.length;
  }

  sendJson(response: ServerResponse, body: unknown, status = 200): void {
    response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  /** Answers with a signed response (RFC 9701), with these changes. */
  async sendSigned(
    response: ServerResponse,
    { claims = {}, header = {}, key = this.key }: { claims?: object; header?: object; key?: CryptoKey } = {},
  ): Promise<void> {
    const iat = Math.floor(this.clock.ms / 1000);
    const jwt = await new SignJWT({
      iss: this.issuer,
      aud: CLIENT.id,
      iat,
      token_introspection: this.response,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'token-introspection+jwt', ...header })
      .sign(key);
    response.writeHead(200, { 'content-type': SIGNED_TYPE });
    response.end(jwt);
  }

  /** A JWT access token of this issuer. */
  signToken(claims: object = {}, key: CryptoKey = this.key): Promise<string> {
    return new SignJWT({ ...this.active, active: undefined, token_type: undefined, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt' })
      .sign(key);
  }

  close(): Promise<void> {
    return this.bare.close();
  }

  async #ask(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = { headers: request.headers, body: new URLSearchParams(await text(request)) };
    this.questions.push(question);
    await this.introspect(response, question);
  }
}
