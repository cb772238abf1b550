import {
  Client,
  ClientCredentialsProvider,
  DpopSession,
  type FetchLike,
  StreamableHTTPClientTransport,
  withDpop,
} from '@modelcontextprotocol/client';

export interface AgentOptions {
  /** The URL of the MCP server. */
  readonly server: string;
  /** The only issuer that gets the credentials. */
  readonly issuer: string;
  readonly credentials: { readonly id: string; readonly secret: string };
  readonly fetch: FetchLike;
}

/** The way of the official client to a token, with a key to which the token gets bound. */
class DpopCredentials extends ClientCredentialsProvider {
  constructor(
    { issuer, credentials: { id, secret } }: AgentOptions,
    private readonly session: DpopSession,
  ) {
    super({ clientId: id, clientSecret: secret, expectedIssuer: issuer });
  }

  /** With this method the client signs proofs, for the authorization server and for the MCP server. */
  dpop(): DpopSession {
    return this.session;
  }
}

/** An agent: the official client, which finds the authorization server by itself. */
export class Agent {
  private constructor(
    readonly jkt: string,
    private readonly client: Client,
    private readonly transport: StreamableHTTPClientTransport,
    private readonly provider: DpopCredentials,
  ) {}

  static async create(options: AgentOptions): Promise<Agent> {
    const session = await DpopSession.create();
    const provider = new DpopCredentials(options, session);
    const transport = new StreamableHTTPClientTransport(new URL(options.server), {
      authProvider: provider,
      fetch: options.fetch,
    });
    const client = new Client({ name: 'agent', version: '1.0.0' });
    return new Agent(session.thumbprint, client, transport, provider);
  }

  /** The present access token. */
  get token(): string {
    return this.provider.tokens()?.access_token ?? '';
  }

  /** The id of the session at the server. */
  get sessionId(): string {
    return this.transport.sessionId ?? '';
  }

  async connect(): Promise<void> {
    await this.client.connect(this.transport);
  }

  async call(name: string, args: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.client.callTool({ name, arguments: args });
  }

  /** Sends a message in a session, with the token and a proof of this agent. */
  async sendIn(
    sessionId: string,
    server: string,
    { method, headers, body }: { method: string; headers: Readonly<Record<string, string>>; body: string },
    fetch: FetchLike,
  ): Promise<void> {
    const send = withDpop(this.provider.dpop(), () => this.token)(fetch);
    await send(server, { method, headers: { ...headers, 'mcp-session-id': sessionId }, body });
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}
