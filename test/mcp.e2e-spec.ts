import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Client, DpopSession, StreamableHTTPClientTransport, withDpop } from '@modelcontextprotocol/client';
import { McpController, Tool } from '@rekog/mcp-nest';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  mcp,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { DpopMcpGuard, McpSessions } from 'nestjs-dpop/mcp';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { z } from 'zod';
import { type Answer, send, UNAVAILABLE } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { GuardedTools, type McpAppParts, ran, startMcp } from './support/mcp-app.js';
import { observeDecisions } from './support/observe-decisions.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';

let issuer: TestIssuer;
let owner: TestClient;
let thief: TestClient;
let token: string;
let tokenOfThief: string;
let tokenWithScope: string;
const clients: Client[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create();
  [owner, thief] = await Promise.all([TestClient.create(), TestClient.create()]);
  token = await issuer.issueToken({ client: owner, scopes: ['mcp'] });
  tokenWithScope = await issuer.issueToken({ client: owner, scopes: ['mcp', 'transfer'] });
  tokenOfThief = await issuer.issueToken({
    client: thief,
    scopes: ['mcp', 'transfer'],
    claims: { sub: 'thief' },
  });
});

beforeEach(() => {
  ran.length = 0;
});

afterEach(async () => {
  await Promise.allSettled(clients.splice(0).map((client) => client.close()));
  await closeApps();
});

const dpop = (overrides: Partial<DpopModuleOptions> = {}) =>
  DpopModule.forRoot(mcp({ origin: 'request', accessToken: issuer.accessToken, ...overrides }));

const ACCEPT = { accept: 'application/json, text/event-stream' };
const MESSAGE_HEADERS = { ...ACCEPT, 'content-type': 'application/json' };

const callOf = (name: string, args: object = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name, arguments: args },
});

interface Post {
  readonly client?: TestClient;
  readonly token?: string;
  readonly proof?: string;
  readonly nonce?: string;
  /** What the proof is made for; default the endpoint. */
  readonly htu?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly query?: string;
}

/** One message with a right token and proof, unless the options say otherwise. */
async function post(endpoint: string, body: unknown, options: Post = {}): Promise<Answer> {
  const { client = owner, nonce, htu, claims, method = 'POST', query = '' } = options;
  const presented = options.token ?? token;
  const proof =
    options.proof ??
    (await client.createProof({
      method,
      url: endpoint,
      token: presented,
      ...(nonce !== undefined && { nonce }),
      claims: { ...(htu !== undefined && { htu }), ...claims },
    }));
  return await send(endpoint + query, {
    method,
    headers: {
      ...(method === 'POST' ? MESSAGE_HEADERS : ACCEPT),
      authorization: `DPoP ${presented}`,
      dpop: proof,
      ...options.headers,
    },
    ...(method === 'POST' && { body: JSON.stringify(body) }),
  });
}

const resultOf = ({ body }: Answer) => (body as { result?: Record<string, unknown> }).result;

/** The official client, with a key of its own, to which the token is bound. `statuses` are those of its messages. */
async function connect(
  endpoint: string,
  scopes: readonly string[] = ['mcp'],
  protocol?: string,
): Promise<{ readonly client: Client; readonly jkt: string; readonly statuses: number[] }> {
  const session = await DpopSession.create();
  const bound = await issuer.issueToken({ jkt: session.thumbprint, scopes });
  const statuses: number[] = [];
  const observed: typeof fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (init?.method === 'POST') statuses.push(response.status);
    return response;
  };
  const transport = new StreamableHTTPClientTransport(new URL(endpoint), {
    fetch: withDpop(session, () => bound)(observed),
  });
  const client = new Client(
    { name: 'test', version: '1' },
    protocol === undefined ? {} : { versionNegotiation: { mode: { pin: protocol } } },
  );
  clients.push(client);
  await client.connect(transport);
  return { client, jkt: session.thumbprint, statuses };
}

const textOf = (result: unknown): string =>
  (result as { content: readonly { text: string }[] }).content[0]?.text ?? '';

describe.each(PLATFORMS)('an MCP server on %s', (platform) => {
  const start = (parts: Partial<McpAppParts> = {}, logger = new LogCollector()) =>
    startMcp(platform, { dpop: dpop(), ...parts }, { logger });

  describe.each([
    ['stateless', {}, undefined],
    ['stateful', { statefulMode: true }, undefined],
    ['of the protocol without sessions', {}, '2026-07-28'],
  ])('that is %s', (_name, transport, protocol) => {
    test('serves the official client, and hands the verdict to a tool (B1)', async () => {
      const app = await start({ transport });
      const { client, jkt } = await connect(app.endpoint, ['mcp'], protocol);
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toEqual(['whoami', 'transfer', 'wipe']);
      const decisions = await observeDecisions(async () => {
        const result = await client.callTool({ name: 'whoami', arguments: {} });
        expect(JSON.parse(textOf(result))).toEqual({ jkt, subject: 'user', same: true });
      });
      // Two guards, one examination. The client opens a stream beside it, by GET.
      const ofCall = decisions.filter(({ method }) => method === 'POST');
      expect(ofCall.map(({ outcome }) => outcome)).toEqual(['accepted']);
      expect(ran).toEqual(['whoami']);
    });

    test('answers a demand for a nonce of one tool before the call, and the official client gets in (E2)', async () => {
      const app = await start({ transport });
      const { client, statuses } = await connect(app.endpoint, ['mcp'], protocol);
      statuses.length = 0;
      const result = await client.callTool({ name: 'wipe', arguments: {} });
      expect(JSON.parse(textOf(result))).toEqual({ wiped: true });
      expect(statuses.slice(0, 2)).toEqual([401, 200]);
      expect(ran).toEqual(['wipe']);
    });

    test('tells the official client of a scope that a tool requires, by 403 (D2)', async () => {
      const app = await start({ transport });
      const { client } = await connect(app.endpoint, ['mcp'], protocol);
      await expect(client.callTool({ name: 'transfer', arguments: { amount: 1 } })).rejects.toThrow(
        'Insufficient scope: required "transfer"',
      );
      expect(ran).toStrictEqual([]);
      const { client: allowed } = await connect(app.endpoint, ['mcp', 'transfer'], protocol);
      const result = await allowed.callTool({ name: 'transfer', arguments: { amount: 1 } });
      expect(JSON.parse(textOf(result))).toEqual({ amount: 1 });
    });
  });

  test('names its metadata and its scopes in the first 401, and serves the metadata (D1)', async () => {
    const resource = 'https://mcp.example.com/mcp';
    const options = { origin: 'https://mcp.example.com', metadata: { resource } };
    const app = await start({ dpop: dpop(options), decorators: [RequireScopes('mcp')] });
    const answer = await send(app.endpoint, {
      method: 'POST',
      headers: MESSAGE_HEADERS,
      body: JSON.stringify(callOf('whoami')),
    });
    expect(answer).toMatchObject({ status: 401, code: 'credentials_missing', nonce: null });
    expect(answer.challenge).toMatch(/^DPoP scope="mcp", algs="[^"]+", resource_metadata="([^"]+)"$/);
    const [, url = ''] = /resource_metadata="([^"]+)"/.exec(answer.challenge ?? '') ?? [];
    expect(url).toBe('https://mcp.example.com/.well-known/oauth-protected-resource/mcp');
    const document = await send(app.url + new URL(url).pathname);
    expect(document.body).toMatchObject({
      resource,
      authorization_servers: [issuer.issuer],
      scopes_supported: ['mcp', 'transfer'],
      dpop_bound_access_tokens_required: true,
    });
    expect(ran).toStrictEqual([]);
  });

  const now = () => Math.floor(Date.now() / 1000);
  const refusals: readonly (readonly [string, (endpoint: string) => Promise<Post>, number, string])[] = [
    ['a stolen token with a key of the thief (B3)', async () => ({ client: thief }), 401, 'invalid_token'],
    [
      'a stolen token as Bearer (B4)',
      async () => ({ headers: { authorization: `Bearer ${token}` } }),
      401,
      'invalid_token',
    ],
    [
      'a proof for another path (C9)',
      async (endpoint) => ({ htu: endpoint.replace('/mcp', '/other') }),
      401,
      'invalid_dpop_proof',
    ],
    ['a query in htu (C9)', async (endpoint) => ({ htu: `${endpoint}?a=1` }), 401, 'invalid_dpop_proof'],
    [
      'a proof that is too old (C11)',
      async () => ({ claims: { iat: now() - 310 } }),
      401,
      'invalid_dpop_proof',
    ],
    [
      'a proof from the future (C11)',
      async () => ({ claims: { iat: now() + 310 } }),
      401,
      'invalid_dpop_proof',
    ],
    ['a proof for another method (C8)', async () => ({ claims: { htm: 'GET' } }), 401, 'invalid_dpop_proof'],
  ];

  test.each(refusals)('refuses %s', async (_name, change, status, code) => {
    const app = await start();
    expect((await post(app.endpoint, callOf('whoami'))).status).toBe(200);
    ran.length = 0;
    const answer = await post(app.endpoint, callOf('whoami'), await change(app.endpoint));
    expect(answer).toMatchObject({ status, code, nonce: null });
    expect(answer.challenge).toContain(`error="${code}"`);
    expect(ran).toStrictEqual([]);
  });

  test('accepts proofs of the whole window, and takes none twice (C11, F1)', async () => {
    const app = await start();
    for (const iat of [now() - 295, now() + 295]) {
      const proof = await owner.createProof({ method: 'POST', url: app.endpoint, token, claims: { iat } });
      expect((await post(app.endpoint, callOf('whoami'), { proof })).status).toBe(200);
      const replay = await post(app.endpoint, callOf('whoami'), { proof });
      expect(replay).toMatchObject({ status: 401, code: 'invalid_dpop_proof' });
    }
    expect(ran).toEqual(['whoami', 'whoami']);
  });

  test('refuses every method of MCP alike, not tools alone (D1)', async () => {
    const app = await start({ transport: { statefulMode: true } });
    for (const method of ['initialize', 'tools/list', 'resources/read', 'ping']) {
      const message = { jsonrpc: '2.0', id: 1, method, params: {} };
      const headers = { authorization: '' };
      expect(await post(app.endpoint, message, { headers })).toMatchObject({ status: 401 });
    }
    for (const method of ['GET', 'DELETE'])
      expect((await send(app.endpoint, { method, headers: ACCEPT })).status).toBe(401);
  });

  describe('a tool that requires a scope (D2)', () => {
    const transfer = callOf('transfer', { amount: 1 });

    test('answers 403 with the challenge from which a client learns the scope', async () => {
      const app = await start();
      expect((await post(app.endpoint, transfer, { token: tokenWithScope })).status).toBe(200);
      ran.length = 0;
      const logger = new LogCollector();
      const { endpoint } = await start({ decorators: [RequireScopes('mcp')] }, logger);
      const answer = await post(endpoint, transfer);
      expect(answer).toMatchObject({ status: 403, code: 'insufficient_scope', nonce: null });
      // With those of the endpoint: a client that asks for these, and no others, gets in.
      expect(answer.challenge).toMatch(/^DPoP error="insufficient_scope", .*scope="mcp transfer"/);
      expect(logger.text).toContain('GuardedTools.transfer');
      expect(ran).toStrictEqual([]);
    });

    test('refuses a batch in which one call lacks it', async () => {
      const app = await start();
      const batch = [callOf('whoami'), { ...transfer, id: 2 }];
      expect(await post(app.endpoint, batch)).toMatchObject({ status: 403, code: 'insufficient_scope' });
      expect(ran).toStrictEqual([]);
    });

    test('so does a prompt; a resource is refused by its own guard', async () => {
      const app = await start();
      const message = (method: string, params: object) => ({ jsonrpc: '2.0', id: 1, method, params });
      const prompt = await post(app.endpoint, message('prompts/get', { name: 'plan' }));
      expect(prompt).toMatchObject({ status: 403, code: 'insufficient_scope' });
      const resource = await post(app.endpoint, message('resources/read', { uri: 'ledger://all' }));
      expect(JSON.stringify(resource.body)).toContain('insufficient_scope');
      expect(ran).toStrictEqual([]);
    });

    test('has the code in its result where only the tool is asked', async () => {
      const logger = new LogCollector();
      const app = await start({ guards: [DpopGuard] }, logger);
      expect((await post(app.endpoint, transfer, { token: tokenWithScope })).status).toBe(200);
      ran.length = 0;
      const answer = await post(app.endpoint, transfer);
      expect(resultOf(answer)).toEqual({
        isError: true,
        content: [{ type: 'text', text: 'insufficient_scope: The access token lacks a required scope' }],
      });
      expect(ran).toStrictEqual([]);
      expect(logger.text).not.toContain(token);
      // The official client reads the same.
      const { client } = await connect(app.endpoint);
      const result = await client.callTool({ name: 'transfer', arguments: { amount: 1 } });
      expect(textOf(result)).toMatch(/^insufficient_scope: /);
    });
  });

  test('a call of a tool that no guard of the endpoint saw is refused by the guard of the tool (D8)', async () => {
    const app = await start({ guards: [] });
    const answer = await send(app.endpoint, {
      method: 'POST',
      headers: MESSAGE_HEADERS,
      body: JSON.stringify(callOf('whoami')),
    });
    expect(resultOf(answer)).toEqual({
      isError: true,
      content: [{ type: 'text', text: 'credentials_missing: A DPoP-bound access token is required' }],
    });
    expect(ran).toStrictEqual([]);
  });

  test('without DpopGuard a bound parameter says that the service is at fault, and no more (D8)', async () => {
    @McpController()
    class OpenTools {
      @Tool({ name: 'whoami', description: 'Tells who calls', parameters: z.object({}) })
      whoAmI(@DpopBound() jkt: string) {
        return { jkt };
      }
    }
    const logger = new LogCollector();
    const app = await startMcp(
      platform,
      { dpop: dpop({ unguardedRoutes: 'warn' }), tools: OpenTools, guards: [], decorators: [SkipDpop()] },
      { logger },
    );
    const answer = await post(app.endpoint, callOf('whoami'));
    expect(JSON.stringify(resultOf(answer))).toContain(
      'temporarily_unavailable: The request cannot be verified at the moment',
    );
    expect(logger.text).toContain('OpenTools.whoAmI (@DpopBound)');
  });

  describe('a stateful session', () => {
    const initialize = {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
    };

    async function open(endpoint: string): Promise<Record<string, string>> {
      const answer = await post(endpoint, initialize);
      expect(answer.status).toBe(200);
      return { 'mcp-session-id': answer.headers.get('mcp-session-id') ?? '' };
    }

    test('serves its owner, with another token of the same key and user, too', async () => {
      const app = await start({ transport: { statefulMode: true } });
      const headers = await open(app.endpoint);
      expect((await post(app.endpoint, callOf('whoami'), { headers })).status).toBe(200);
      const renewed = await issuer.issueToken({ client: owner, scopes: ['mcp'] });
      expect((await post(app.endpoint, callOf('whoami'), { headers, token: renewed })).status).toBe(200);
      expect(ran).toEqual(['whoami', 'whoami']);
    });

    const strangers: readonly (readonly [string, () => Promise<Post>])[] = [
      ['another user with a key of their own', async () => ({ client: thief, token: tokenOfThief })],
      [
        'the same user with another key',
        async () => ({ client: thief, token: await issuer.issueToken({ client: thief }) }),
      ],
      [
        'another user of the same client and key',
        async () => ({ token: await issuer.issueToken({ client: owner, claims: { sub: 'other' } }) }),
      ],
      [
        'another client with the same key',
        async () => ({ token: await issuer.issueToken({ client: owner, claims: { client_id: 'other' } }) }),
      ],
    ];

    test.each(strangers)('is not found by %s, as one that does not exist', async (_name, stranger) => {
      const app = await start({ transport: { statefulMode: true } });
      const headers = await open(app.endpoint);
      const made = await post(app.endpoint, callOf('whoami'), {
        ...(await stranger()),
        headers: { 'mcp-session-id': '0b54a2ed-9a57-4ca1-8a15-0f2b3e1f2f0f' },
      });
      for (const method of ['POST', 'GET', 'DELETE']) {
        const answer = await post(app.endpoint, callOf('whoami'), { ...(await stranger()), headers, method });
        expect(answer).toMatchObject({ status: 404, body: made.body });
      }
      expect(made.body).toEqual({
        jsonrpc: '2.0',
        error: { code: -32_001, message: 'Session not found' },
        id: null,
      });
      expect(ran).toStrictEqual([]);
      // It still stands.
      expect((await post(app.endpoint, callOf('whoami'), { headers })).status).toBe(200);
    });

    test.each([
      ['its id cut', (id: string) => id.slice(0, -1)],
      ['no seal', (id: string) => id.slice(0, id.indexOf('.'))],
      ['two ids', (id: string) => `${id}, ${id}`],
      ['nothing', () => ''],
    ])('is not found by %s', async (_name, change) => {
      const app = await start({ transport: { statefulMode: true } });
      const { 'mcp-session-id': id = '' } = await open(app.endpoint);
      const headers = { 'mcp-session-id': change(id) };
      expect((await post(app.endpoint, callOf('whoami'), { headers })).status).toBe(404);
      expect(ran).toStrictEqual([]);
    });

    test('whose id the transport made by itself answers to nobody', async () => {
      const sessions = new McpSessions();
      const app = await start({
        transport: { statefulMode: true, sessionIdGenerator: () => 'own' },
        sessions: null,
      });
      expect((await post(app.endpoint, initialize)).headers.get('mcp-session-id')).toBe('own');
      expect(() => sessions.createId()).toThrow(TypeError);
    });

    test('has streams that end with the token, where the endpoint says so', async () => {
      const clock = new HandClock();
      const timed = await TestIssuer.create({ clock: clock.read });
      const holder = await TestClient.create({ clock: clock.read });
      const shortLived = await timed.issueToken({ client: holder, expiresInSeconds: 60 });
      const app = await start({
        transport: { statefulMode: true },
        decorators: [Dpop({ endAtExpiry: true })],
        dpop: dpop({ accessToken: timed.accessToken, clock: clock.read }),
      });
      const opened = await post(app.endpoint, initialize, { client: holder, token: shortLived });
      const sessionId = opened.headers.get('mcp-session-id') ?? '';
      const headers = await holder.createHeaders({ method: 'GET', url: app.endpoint, token: shortLived });
      const stream = await fetch(app.endpoint, {
        headers: { ...headers, accept: 'text/event-stream', 'mcp-session-id': sessionId },
      });
      expect(stream.status).toBe(200);
      const read = stream.text().catch((error: unknown) => error);
      clock.advanceSeconds(61);
      expect(await read).toMatchObject({ name: 'TypeError', message: 'terminated' });
    });

    test('is tied to nobody in report mode, which refuses nothing', async () => {
      const app = await start({ transport: { statefulMode: true }, dpop: dpop({ enforcement: 'report' }) });
      const asNobody = { headers: { authorization: '' } };
      const opened = await post(app.endpoint, initialize, asNobody);
      const ofNobody = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
      const ofOwner = await open(app.endpoint);
      for (const headers of [ofNobody, ofOwner]) {
        expect((await post(app.endpoint, callOf('whoami'), { headers })).status).toBe(200);
        const unverified = { headers: { ...headers, authorization: '' } };
        expect((await post(app.endpoint, callOf('wipe'), unverified)).status).toBe(200);
      }
      // Another client that was verified stays out.
      const ofThief = { headers: ofOwner, client: thief, token: tokenOfThief };
      expect((await post(app.endpoint, callOf('wipe'), ofThief)).status).toBe(404);
      expect(ran).toEqual(['whoami', 'wipe', 'whoami', 'wipe']);
    });

    test('of a client is not found by a request without credentials, where those are allowed', async () => {
      const app = await start({
        transport: { statefulMode: true },
        decorators: [Dpop({ anonymous: 'allow' })],
      });
      const opened = await post(app.endpoint, initialize, { headers: { authorization: '', dpop: '' } });
      expect(opened.status).toBe(401);
      const anonymous = (headers: Record<string, string>, body: unknown = callOf('whoami')) =>
        send(app.endpoint, {
          method: 'POST',
          headers: { ...MESSAGE_HEADERS, ...headers },
          body: JSON.stringify(body),
        });
      const ofNobody = await anonymous({}, initialize);
      expect(ofNobody.status).toBe(200);
      const ofOwner = await open(app.endpoint);
      expect((await anonymous(ofOwner)).status).not.toBe(200);
      const id = ofNobody.headers.get('mcp-session-id') ?? '';
      const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} };
      expect((await anonymous({ 'mcp-session-id': id }, list)).status).toBe(200);
      expect((await anonymous(ofOwner, list)).status).toBe(404);
      expect((await post(app.endpoint, list, { headers: { 'mcp-session-id': id } })).status).toBe(404);
      expect(ran).toStrictEqual([]);
    });

    test('of an endpoint without a guard does not open (D8)', async () => {
      const app = await start({
        transport: { statefulMode: true },
        guards: [],
        sessions: new McpSessions(),
      });
      const answer = await post(app.endpoint, initialize);
      expect(answer).toMatchObject(UNAVAILABLE);
    });
  });

  describe('and a global guard', () => {
    test('reaches the tools with inheritAppConfig: true, once for each request', async () => {
      @McpController()
      class PlainTools {
        @Tool({ name: 'plain', description: 'Plain', parameters: z.object({}) })
        plain() {
          ran.push('plain');
          return { plain: true };
        }
      }
      const parts: Partial<McpAppParts> = {
        tools: PlainTools,
        providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
        inheritAppConfig: true,
      };
      for (const guards of [[], [DpopMcpGuard]]) {
        const app = await start({ ...parts, guards });
        const decisions = await observeDecisions(async () => {
          expect(resultOf(await post(app.endpoint, callOf('plain')))).toBeDefined();
        });
        expect(decisions.map(({ outcome }) => outcome)).toEqual(['accepted']);
      }
      expect(ran).toEqual(['plain', 'plain']);
    });

    test('alone does not let an app with requirements on tools start (D8)', async () => {
      @McpController()
      class DemandingTools {
        @RequireScopes('transfer')
        @Tool({ name: 'transfer', description: 'Moves money', parameters: z.object({}) })
        transfer() {
          ran.push('transfer');
        }
      }
      const global = [{ provide: APP_GUARD, useExisting: DpopGuard }];
      await expect(start({ tools: DemandingTools, providers: global })).rejects.toThrow(
        /DemandingTools\.transfer \(@RequireScopes\).*inheritAppConfig/,
      );
      @UseGuards(DpopGuard)
      @McpController()
      class GuardedDemands extends DemandingTools {}
      await expect(start({ tools: GuardedDemands, providers: global })).resolves.toBeDefined();
    });
  });

  test('tools of a class that extends another are found, too (D2)', async () => {
    @UseGuards(DpopGuard)
    @McpController()
    class MoreTools extends GuardedTools {}
    const app = await start({ tools: MoreTools });
    const answer = await post(app.endpoint, callOf('transfer', { amount: 1 }));
    expect(answer).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(ran).toStrictEqual([]);
  });
});
