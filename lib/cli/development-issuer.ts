import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UsageError } from './outcome.js';
import { codeOf } from './input.js';
import type { SigningKey } from './key-file.js';
import { type Reply, TokenEndpoint, type TokenSettings } from './token-endpoint.js';

export interface DevelopmentIssuerOptions extends TokenSettings {
  /** A name or an address of loopback. */
  readonly host: string;
  readonly port: number;
}

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** An authorization server for development: metadata (RFC 8414), keys, and a token endpoint that binds tokens to keys. */
export class DevelopmentIssuer {
  private constructor(
    readonly issuer: string,
    readonly audience: string,
    private readonly server: Server,
  ) {}

  /** @throws UsageError when the port is taken */
  static async listen(options: DevelopmentIssuerOptions): Promise<DevelopmentIssuer> {
    const { host, port, audience } = options;
    const server = createServer();
    // A name may be listed with an address that is not loopback; `localhost` is 127.0.0.1 for this server.
    const address = host === 'localhost' ? '127.0.0.1' : host;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(port, address, resolve);
      });
    } catch (error) {
      throw new UsageError(`cannot listen on ${host}:${port} (${codeOf(error)}); choose another --port`);
    }
    const { port: chosen } = server.address() as AddressInfo;
    const issuer = `http://${host.includes(':') ? `[${host}]` : host}:${chosen}`;
    const tokens = new TokenEndpoint(issuer, options);
    server.on('request', (request, response) => {
      answer(request, issuer, tokens, options.key).then(
        (reply) => respond(response, reply),
        () => respond(response, { status: 500, body: { error: 'server_error' } }),
      );
    });
    return new DevelopmentIssuer(issuer, audience, server);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function answer(
  request: IncomingMessage,
  issuer: string,
  tokens: TokenEndpoint,
  key: SigningKey,
): Promise<Reply> {
  // The page of an attacker may give its name the address of loopback, and then read what is served here.
  if (!LOOPBACK_HOST.test(request.headers.host ?? ''))
    return { status: 421, body: { error: 'invalid_request' } };
  const path = request.url?.split('?', 1)[0];
  if (path === '/token') return await tokens.answer(request);
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: {} };
  if (path === '/jwks') return { status: 200, body: { keys: [publicJwkOf(key)] } };
  if (path?.startsWith('/.well-known/') === true) return { status: 200, body: metadataOf(issuer, tokens) };
  return { status: 404, body: {} };
}

function respond(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(JSON.stringify(body));
}

function metadataOf(issuer: string, { algorithms }: TokenEndpoint): object {
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: [],
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    dpop_signing_alg_values_supported: algorithms,
  };
}

function publicJwkOf({ publicJwk, alg, jkt }: SigningKey): object {
  return { ...publicJwk, alg, kid: jkt, use: 'sig' };
}
