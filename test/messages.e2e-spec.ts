import { once } from 'node:events';
import { createConnection } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
  status as GrpcStatus,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import {
  Catch,
  Controller,
  Injectable,
  type RpcExceptionFilter,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { DpopGuard, DpopModule, type DpopModuleOptions, RequireScopes, RevocationChecker } from 'nestjs-dpop';
import { DpopMessageGuard } from 'nestjs-dpop/microservices';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { lastValueFrom, type Observable, of } from 'rxjs';
import {
  AccountsController,
  BASE_URL,
  type MessageApp,
  type MessageAppOptions,
  MessageGuard,
  MessagesController,
  PROTO,
  ran,
  startMessages,
} from './messages/message-app.js';
import { call as callHttp } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { observeDecisions } from './support/observe-decisions.js';
import { ORIGIN } from './support/origin.js';

let issuer: TestIssuer;
let owner: TestClient;
let thief: TestClient;
let token: string;
const closings: (() => unknown)[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create();
  [owner, thief] = await Promise.all([TestClient.create(), TestClient.create()]);
  token = await issuer.issueToken({ client: owner });
});

beforeEach(() => {
  ran.length = 0;
});

afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close();
});

const dpop = (overrides: Partial<DpopModuleOptions> = {}) =>
  DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken, ...overrides });

async function start(options: Partial<MessageAppOptions> = {}): Promise<MessageApp> {
  const app = await startMessages({ dpop: dpop(), ...options });
  closings.push(() => app.close());
  return app;
}

interface Signed {
  readonly client?: TestClient;
  readonly token?: string;
  readonly htu?: string;
  readonly htm?: string;
  readonly nonce?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

function prove(path: string, options: Signed = {}): Promise<string> {
  const { client = owner, htm = 'POST', htu = BASE_URL + path, nonce, claims } = options;
  return client.createProof({
    method: htm,
    url: BASE_URL,
    token: options.token ?? token,
    ...(nonce !== undefined && { nonce }),
    claims: { htu, ...claims },
  });
}

describe('messages by TCP', () => {
  function connect(app: MessageApp): ClientProxy {
    const client = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: app.tcpPort },
    });
    closings.push(() => client.close());
    return client;
  }

  const credentialsFor = async (path: string, options: Signed = {}) => ({
    authorization: `DPoP ${options.token ?? token}`,
    proof: await prove(path, options),
  });

  const send = (client: ClientProxy, pattern: unknown, payload: unknown): Promise<unknown> =>
    lastValueFrom(client.send<unknown, unknown>(pattern, payload)).catch((error: unknown) => ({ error }));

  test.each(['express', 'fastify', null] as const)(
    'on the platform %s are let in with the credentials in the payload, which the handler does not see (J3)',
    async (platform) => {
      const app = await start({
        platform,
        ...(platform === null && { controllers: [MessagesController] }),
      });
      const client = connect(app);
      const decisions = await observeDecisions(async () => {
        const answer = await send(client, 'sum', { terms: [1, 2], dpop: await credentialsFor('/sum') });
        expect(answer).toEqual({ payload: { terms: [1, 2] }, jkt: owner.jkt, same: true });
      });
      expect(decisions).toMatchObject([
        { outcome: 'accepted', method: 'POST', handler: 'MessagesController.sum' },
      ]);
      expect(ran).toEqual(['sum']);
    },
  );

  test('with an object as pattern are signed by its JSON in the order of names', async () => {
    const client = connect(await start());
    const path = `/${encodeURIComponent('{"account":7,"cmd":"close"}')}`;
    const payload = { dpop: await credentialsFor(path) };
    expect(await send(client, { cmd: 'close', account: 7 }, payload)).toEqual({ subject: 'user' });
    const other = { dpop: await credentialsFor(`/${encodeURIComponent('{"cmd":"close","account":7}')}`) };
    expect(await send(client, { cmd: 'close', account: 7 }, other)).toMatchObject({
      error: { code: 'invalid_dpop_proof' },
    });
    expect(ran).toEqual(['close']);
  });

  const rows: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['no credentials', async () => ({}), 'credentials_missing'],
    ['a payload that is no object', async () => 'text', 'credentials_missing'],
    ['a member that is no object', async () => ({ dpop: 'DPoP' }), 'credentials_missing'],
    [
      'the stolen token as Bearer',
      async () => ({ dpop: { authorization: `Bearer ${token}` } }),
      'invalid_token',
    ],
    [
      'the stolen token with another key',
      async () => ({ dpop: await credentialsFor('/sum', { client: thief }) }),
      'invalid_token',
    ],
    [
      'a proof for another pattern',
      async () => ({ dpop: await credentialsFor('/audit') }),
      'invalid_dpop_proof',
    ],
    [
      'a proof for the origin of HTTP',
      async () => ({ dpop: await credentialsFor('/sum', { htu: `${ORIGIN}/sum` }) }),
      'invalid_dpop_proof',
    ],
    [
      'a proof with another method',
      async () => ({ dpop: await credentialsFor('/sum', { htm: 'GET' }) }),
      'invalid_dpop_proof',
    ],
    [
      'an old proof',
      async () => ({ dpop: await credentialsFor('/sum', { claims: { iat: 1 } }) }),
      'invalid_dpop_proof',
    ],
    [
      'two proofs',
      async () => {
        const { authorization, proof } = await credentialsFor('/sum');
        return { dpop: { authorization, proof: [proof, proof] } };
      },
      'invalid_dpop_proof',
    ],
    [
      'two tokens',
      async () => {
        const { authorization, proof } = await credentialsFor('/sum');
        return { dpop: { authorization: [authorization, authorization], proof } };
      },
      'invalid_request',
    ],
    [
      'a number as proof',
      async () => ({ dpop: { authorization: `DPoP ${token}`, proof: 1 } }),
      'invalid_dpop_proof',
    ],
  ];

  test.each(rows)(
    'with %s are refused by the code, and the handler does not run (J3)',
    async (_name, payload, code) => {
      const app = await start();
      const client = connect(app);
      expect(await send(client, 'sum', { dpop: await credentialsFor('/sum') })).toHaveProperty('jkt');
      ran.length = 0;
      const answer = await send(client, 'sum', await payload());
      expect(answer).toEqual({ error: { status: 'error', code, message: expect.any(String) } });
      expect(JSON.stringify(answer)).not.toContain('Internal');
      expect(app.log.text).not.toContain(token);
      expect(ran).toStrictEqual([]);
    },
  );

  test('are refused the second time (F1)', async () => {
    const client = connect(await start());
    const both = await credentialsFor('/sum');
    expect(await send(client, 'sum', { dpop: both })).toHaveProperty('jkt');
    expect(await send(client, 'sum', { dpop: both })).toMatchObject({
      error: { code: 'invalid_dpop_proof', message: 'The DPoP proof was used before' },
    });
    expect(ran).toEqual(['sum']);
  });

  test('get the nonce that is demanded, and are let in with it (E2)', async () => {
    const client = connect(await start());
    const refused = await send(client, 'nonce', { dpop: await credentialsFor('/nonce') });
    expect(refused).toMatchObject({ error: { code: 'use_dpop_nonce', nonce: expect.any(String) } });
    const { nonce } = (refused as { error: { nonce: string } }).error;
    expect(await send(client, 'nonce', { dpop: await credentialsFor('/nonce', { nonce }) })).toEqual({});
    expect(ran).toEqual(['nonce']);
  });

  test('need the scope of their handler, and open ones need nothing (D2)', async () => {
    const client = connect(await start());
    expect(await send(client, 'audit', { dpop: await credentialsFor('/audit') })).toEqual({
      error: {
        status: 'error',
        code: 'insufficient_scope',
        message: 'The access token lacks a required scope',
      },
    });
    expect(ran).toStrictEqual([]);
    const audit = await issuer.issueToken({ client: owner, scopes: ['audit'] });
    expect(await send(client, 'audit', { dpop: await credentialsFor('/audit', { token: audit }) })).toEqual(
      {},
    );
    expect(await send(client, 'open', {})).toEqual({});
    expect(ran).toEqual(['audit', 'open']);
  });

  test('that are events are verified, too: a refused one reaches no handler', async () => {
    const client = connect(await start());
    await lastValueFrom(client.emit('happened', { a: 1 }), { defaultValue: undefined });
    const both = await credentialsFor('/happened');
    await lastValueFrom(client.emit('happened', { b: 1, dpop: both }), { defaultValue: undefined });
    // An event has no answer; a message behind it on the same socket has.
    await send(client, 'sum', { dpop: await credentialsFor('/sum') });
    await send(client, 'sum', { dpop: await credentialsFor('/sum') });
    expect(ran.filter((name) => name.startsWith('happened'))).toEqual(['happened b']);
  });

  test('of a client without Nest are routed and signed alike', async () => {
    const app = await start();
    const socket = createConnection(app.tcpPort, '127.0.0.1');
    closings.push(() => socket.destroy());
    const path = `/${encodeURIComponent('{"account":7,"cmd":"close"}')}`;
    // An object in another order, as no client of Nest sends it.
    const packet = JSON.stringify({
      id: '1',
      pattern: { cmd: 'close', account: 7 },
      data: { dpop: await credentialsFor(path) },
    });
    socket.write(`${packet.length}#${packet}`);
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toContain('"subject":"user"');
    expect(ran).toEqual(['close']);
  });

  test('that are refused events log one line where the filter of the documents is bound', async () => {
    @Catch(RpcException)
    class RefusedEventFilter implements RpcExceptionFilter<RpcException> {
      catch(): Observable<unknown> {
        return of(undefined);
      }
    }
    @UseGuards(MessageGuard)
    @Controller()
    class Events {
      @UseFilters(RefusedEventFilter)
      @EventPattern('happened')
      happened(_payload: object): void {
        ran.push('happened');
      }

      @MessagePattern('sum')
      sum(): object {
        return {};
      }
    }
    const app = await start({ controllers: [Events] });
    const client = connect(app);
    await lastValueFrom(client.emit('happened', { a: 1 }), { defaultValue: undefined });
    await send(client, 'sum', { dpop: await credentialsFor('/sum') });
    const lines = app.log.lines.filter((line) => line.includes('Events.happened'));
    expect(lines).toEqual([expect.stringMatching(/^warn refused: credentials_missing/)]);
    expect(app.log.lines.filter((line) => line.startsWith('error'))).toStrictEqual([]);
    expect(ran).toStrictEqual([]);
  });

  test('pass in report mode, with their refusal in the log', async () => {
    @Injectable()
    class Guard extends DpopMessageGuard {
      protected readonly baseUrl = BASE_URL;
    }
    @UseGuards(Guard)
    @Controller()
    class Reporting {
      @MessagePattern('plain')
      plain(): object {
        ran.push('plain');
        return {};
      }
    }
    const app = await start({ dpop: dpop({ enforcement: 'report' }), controllers: [Reporting] });
    expect(await send(connect(app), 'plain', {})).toEqual({});
    expect(app.log.text).toContain('Reporting.plain');
    expect(ran).toEqual(['plain']);
  });
});

describe('calls by gRPC', () => {
  interface Ledger {
    read(query: object, metadata: Metadata, done: (error: ServiceError | null, entry?: object) => void): void;
    open(query: object, metadata: Metadata, done: (error: ServiceError | null, entry?: object) => void): void;
    watch(query: object, metadata: Metadata): ClientReadableStream<object>;
    call(metadata: Metadata): ClientDuplexStream<object, object>;
    sum(
      metadata: Metadata,
      done: (error: ServiceError | null, entry?: object) => void,
    ): { write(query: object): void; end(): void };
    close(): void;
  }

  function connect(app: MessageApp): Ledger {
    const definition = loadPackageDefinition(loadSync(PROTO)) as unknown as {
      readonly ledger: { readonly Ledger: new (url: string, security: unknown) => Ledger };
    };
    const client = new definition.ledger.Ledger(app.grpc, credentials.createInsecure());
    closings.push(() => client.close());
    return client;
  }

  async function metadataFor(method: string, options: Signed = {}): Promise<Metadata> {
    const metadata = new Metadata();
    metadata.set('authorization', `DPoP ${options.token ?? token}`);
    metadata.set('dpop', await prove(`/ledger.Ledger/${method}`, options));
    return metadata;
  }

  const read = (client: Ledger, metadata: Metadata): Promise<unknown> =>
    new Promise((resolve) => {
      client.read({ name: 'a' }, metadata, (error, entry) => resolve(error ?? entry));
    });

  test('are let in with credentials in the metadata (J3)', async () => {
    const client = connect(await start());
    const decisions = await observeDecisions(async () => {
      expect(await read(client, await metadataFor('Read'))).toEqual({ name: 'a', jkt: owner.jkt });
    });
    expect(decisions).toMatchObject([{ outcome: 'accepted', handler: 'MessagesController.read' }]);
    expect(ran).toEqual(['Read']);
  });

  const rows: readonly (readonly [string, () => Promise<Metadata>, number, string])[] = [
    ['no credentials', async () => new Metadata(), GrpcStatus.UNAUTHENTICATED, 'credentials_missing'],
    [
      'the stolen token with another key',
      () => metadataFor('Read', { client: thief }),
      GrpcStatus.UNAUTHENTICATED,
      'invalid_token',
    ],
    [
      'a proof for another method of the service',
      () => metadataFor('Watch'),
      GrpcStatus.UNAUTHENTICATED,
      'invalid_dpop_proof',
    ],
    [
      'a proof for the origin of HTTP',
      () => metadataFor('Read', { htu: `${ORIGIN}/ledger.Ledger/Read` }),
      GrpcStatus.UNAUTHENTICATED,
      'invalid_dpop_proof',
    ],
    [
      'a proof in the metadata twice',
      async () => {
        const metadata = await metadataFor('Read');
        metadata.add('dpop', await prove('/ledger.Ledger/Read'));
        return metadata;
      },
      GrpcStatus.UNAUTHENTICATED,
      'invalid_dpop_proof',
    ],
  ];

  test.each(rows)(
    'with %s are refused by status and challenge (J3)',
    async (_name, metadata, code, dpopCode) => {
      const app = await start();
      const client = connect(app);
      expect(await read(client, await metadataFor('Read'))).toHaveProperty('jkt');
      ran.length = 0;
      const error = (await read(client, await metadata())) as ServiceError;
      expect(error).toMatchObject({ code, details: expect.stringMatching(new RegExp(`^${dpopCode}: `)) });
      expect(error.metadata.get('www-authenticate')).toEqual([expect.stringMatching(/^DPoP .*algs=/)]);
      expect(error.metadata.get('dpop-nonce')).toStrictEqual([]);
      expect(app.log.text).not.toContain(token);
      expect(ran).toStrictEqual([]);
    },
  );

  test('are refused the second time, and by missing rights with PERMISSION_DENIED (F1, D2)', async () => {
    @Injectable()
    class Guard extends DpopMessageGuard {
      protected readonly baseUrl = BASE_URL;
    }
    @UseGuards(Guard)
    @RequireScopes('audit')
    @Controller()
    class Demanding extends MessagesController {}
    const client = connect(await start());
    const metadata = await metadataFor('Read');
    expect(await read(client, metadata)).toHaveProperty('jkt');
    expect(await read(client, metadata)).toMatchObject({
      code: GrpcStatus.UNAUTHENTICATED,
      details: 'invalid_dpop_proof: The DPoP proof was used before',
    });
    const demanding = connect(await start({ controllers: [Demanding] }));
    const refused = (await read(demanding, await metadataFor('Read'))) as ServiceError;
    expect(refused).toMatchObject({ code: GrpcStatus.PERMISSION_DENIED });
    expect(refused.metadata.get('www-authenticate')).toEqual([expect.stringContaining('scope="audit"')]);
    expect(ran).toEqual(['Read']);
  });

  test('get the nonce that is demanded in the metadata, and are let in with it (E2)', async () => {
    const client = connect(await start({ dpop: dpop({ nonce: 'required' }) }));
    const refused = (await read(client, await metadataFor('Read'))) as ServiceError;
    expect(refused).toMatchObject({ code: GrpcStatus.UNAUTHENTICATED });
    const [nonce] = refused.metadata.get('dpop-nonce');
    expect(await read(client, await metadataFor('Read', { nonce: String(nonce) }))).toHaveProperty('jkt');
    expect(ran).toEqual(['Read']);
  });

  test('are answered with UNAVAILABLE when the service fails, and open ones need nothing (D8)', async () => {
    class BrokenChecker extends RevocationChecker {
      override isRevoked(): never {
        throw new Error('down');
      }
    }
    const client = connect(await start({ dpop: dpop({ revocation: new BrokenChecker() }) }));
    expect(await read(client, await metadataFor('Read'))).toMatchObject({
      code: GrpcStatus.UNAVAILABLE,
      details: expect.stringMatching(/^temporarily_unavailable: /),
    });
    const opened = new Promise((resolve) => {
      client.open({ name: 'a' }, new Metadata(), (error, entry) => resolve(error ?? entry));
    });
    expect(await opened).toMatchObject({ name: 'a' });
    expect(ran).toEqual(['Open']);
  });

  const streams: readonly (readonly [
    string,
    string,
    (client: Ledger, metadata: Metadata) => Promise<unknown>,
  ])[] = [
    [
      'of the server',
      'Watch',
      async (client, metadata) => {
        const stream = client.watch({ name: 'a' }, metadata);
        closings.push(() => stream.cancel());
        return await first(stream);
      },
    ],
    [
      'of the client',
      'Sum',
      (client, metadata) =>
        new Promise((resolve) => {
          const stream = client.sum(metadata, (error, entry) => resolve(error ?? entry));
          stream.write({ name: 'a' });
          stream.end();
        }),
    ],
    [
      'of both',
      'Call',
      async (client, metadata) => {
        const stream = client.call(metadata);
        closings.push(() => stream.cancel());
        stream.write({ name: 'a' });
        return await first(stream);
      },
    ],
  ];

  /** The first message of a stream, or its error. Later errors are those of its end. */
  function first(stream: ClientReadableStream<object>): Promise<unknown> {
    return new Promise((resolve) => {
      stream.once('data', resolve);
      stream.on('error', resolve);
    });
  }

  test.each(streams)(
    'that are streams %s are verified when they start (J3)',
    async (_name, method, begin) => {
      const app = await start();
      const client = connect(app);
      expect(await begin(client, await metadataFor(method))).toMatchObject({ name: 'a' });
      ran.length = 0;
      expect(await begin(client, await metadataFor('Read'))).toMatchObject({
        code: GrpcStatus.UNAUTHENTICATED,
        details: expect.stringMatching(/^invalid_dpop_proof: /),
      });
      expect(ran).toStrictEqual([]);
      // The service still answers.
      expect(await read(client, await metadataFor('Read'))).toHaveProperty('jkt');
    },
  );

  test.each([
    ['of the server', (client: Ledger, metadata: Metadata) => client.watch({ name: 'a' }, metadata), 'Watch'],
    [
      'of both',
      (client: Ledger, metadata: Metadata) => {
        const stream = client.call(metadata);
        stream.write({ name: 'a' });
        return stream;
      },
      'Call',
    ],
  ] as const)('that are streams %s end when the token expires', async (_name, open, method) => {
    const clock = new HandClock();
    const timed = await TestIssuer.create({ clock: clock.read });
    const holder = await TestClient.create({ clock: clock.read });
    const shortLived = await timed.issueToken({ client: holder, expiresInSeconds: 60 });
    const app = await start({
      dpop: DpopModule.forRoot({ origin: ORIGIN, accessToken: timed.accessToken, clock: clock.read }),
    });
    const stream = open(connect(app), await metadataFor(method, { client: holder, token: shortLived }));
    await once(stream, 'data');
    const ended = new Promise((resolve) => stream.on('error', resolve));
    clock.advanceSeconds(61);
    expect(await ended).toMatchObject({
      code: GrpcStatus.UNAUTHENTICATED,
      details: 'invalid_token: The access token has expired',
    });
  });
});

describe('an app with HTTP and messages', () => {
  test('keeps both apart: a proof for one is no proof for the other (J3)', async () => {
    const app = await start();
    expect(await callHttp({ url: app.http }, owner, { path: '/accounts', token })).toMatchObject({
      status: 200,
    });
    ran.length = 0;
    const proof = await prove('/accounts', { htm: 'GET' });
    const answer = await callHttp({ url: app.http }, owner, { path: '/accounts', token, proof });
    expect(answer).toMatchObject({ status: 401, code: 'invalid_dpop_proof' });
    expect(ran).toStrictEqual([]);
  });

  test('has one guard for both with inheritAppConfig, where each part has its own rules', async () => {
    @Injectable()
    class Guard extends DpopMessageGuard {
      protected readonly baseUrl = BASE_URL;
    }
    @UseGuards(Guard)
    class Guarded {}
    @Controller()
    class Both extends Guarded {
      @MessagePattern('sum')
      sum(): object {
        ran.push('sum');
        return {};
      }
    }
    const app = await start({ controllers: [Both, AccountsController], inheritAppConfig: true });
    const client = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: app.tcpPort },
    });
    closings.push(() => client.close());
    const dpopMember = { authorization: `DPoP ${token}`, proof: await prove('/sum') };
    expect(await lastValueFrom(client.send('sum', { dpop: dpopMember }))).toEqual({});
    expect(await callHttp({ url: app.http }, owner, { path: '/accounts', token })).toMatchObject({
      status: 200,
    });
    expect(ran).toEqual(['sum', 'list']);
  });

  test('refuses messages under DpopGuard alone, which knows no base URL (D8)', async () => {
    @UseGuards(DpopGuard)
    @Controller()
    class WrongGuard {
      @MessagePattern('sum')
      sum(): object {
        ran.push('sum');
        return {};
      }
    }
    const app = await start({ controllers: [WrongGuard] });
    const client = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: app.tcpPort },
    });
    closings.push(() => client.close());
    const dpopMember = { authorization: `DPoP ${token}`, proof: await prove('/sum') };
    await expect(lastValueFrom(client.send('sum', { dpop: dpopMember }))).rejects.toEqual({
      status: 'error',
      code: 'temporarily_unavailable',
      message: 'temporarily_unavailable: The request cannot be verified at the moment',
    });
    expect(app.log.text).toContain('DpopMessageGuard');
    expect(ran).toStrictEqual([]);
  });

  const wrong: readonly (readonly [string, string, Partial<DpopModuleOptions>, RegExp])[] = [
    ['is the origin', ORIGIN, {}, /Guard\.baseUrl must be a URL that no HTTP route/],
    ['is a part of the origin', `${ORIGIN}/messages`, {}, /must be a URL that no HTTP route/],
    [
      'is the beginning of the origin',
      ORIGIN,
      { origin: `${ORIGIN}/v1` },
      /must be a URL that no HTTP route/,
    ],
    ['is no URL', 'messages', {}, /Guard\.baseUrl must be an https URL/],
    ['is plain http', 'http://messages.example.com', {}, /Guard\.baseUrl must be an https URL/],
    ['cannot be compared', BASE_URL, { origin: 'request' }, /Guard\.baseUrl must be told apart/],
  ];

  test.each(wrong)('does not start if the base URL %s (I1)', async (_name, baseUrl, options, message) => {
    @Injectable()
    class Guard extends DpopMessageGuard {
      protected readonly baseUrl = baseUrl;
    }
    @UseGuards(Guard)
    @Controller()
    class Messages {
      @MessagePattern('sum')
      sum(): object {
        return {};
      }
    }
    await expect(start({ dpop: dpop(options), controllers: [Messages] })).rejects.toThrow(message);
  });

  test('tells of a wrong base URL in the log where messages come before the start check (D9)', async () => {
    @Injectable()
    class Guard extends DpopMessageGuard {
      protected readonly baseUrl = ORIGIN;
    }
    @UseGuards(Guard)
    @Controller()
    class Messages {
      @MessagePattern('sum')
      sum(): object {
        ran.push('sum');
        return {};
      }
    }
    const app = await start({ controllers: [Messages], listens: false });
    const client = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: app.tcpPort },
    });
    closings.push(() => client.close());
    const dpopMember = { authorization: `DPoP ${token}`, proof: await prove('/sum') };
    await expect(lastValueFrom(client.send('sum', { dpop: dpopMember }))).rejects.toMatchObject({
      code: 'temporarily_unavailable',
    });
    expect(app.log.text).toMatch(
      /answered 503: internal_failure; Guard\.baseUrl must be a URL that no HTTP route of the app has/,
    );
    expect(ran).toStrictEqual([]);
  });

  test('starts with any origin where there is no HTTP', async () => {
    const app = await start({
      platform: null,
      dpop: dpop({ origin: 'request' }),
      controllers: [MessagesController],
    });
    expect(app.http).toBe('');
  });
});
