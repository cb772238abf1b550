import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ArgumentsHost,
  Body,
  type CallHandler,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  Header,
  HttpCode,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  Post,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import {
  DpopAuthorizationServerModule,
  type DpopAuthorizationServerOptions,
  DpopBindings,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  DpopOAuthException,
  DpopProof,
  DpopProofGuard,
  DpopProofVerifier,
  getDpopProof,
  MemoryStorage,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer, type TestProofOptions } from 'nestjs-dpop/testing';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from './support/running-app.js';

const ISSUER = 'https://server.example.com';
const SECRET = new Uint8Array(32).fill(9);

let client: TestClient;
const clock = new HandClock();

beforeAll(async () => {
  client = await TestClient.create({ clock: clock.read });
});

afterEach(closeApps);

/** The handlers that ran, with the key that they were handed. */
let runs: (string | undefined)[] = [];

@UseGuards(DpopProofGuard)
@Controller()
class TokenController {
  @HttpCode(200)
  @Post('token')
  issue(@DpopBound() jkt: string | undefined, @Body() body?: unknown): object {
    runs.push(jkt);
    return { jkt: jkt ?? null, body };
  }

  @DpopProof({ absentProof: 'accept', nonce: 'required' })
  @Post('par')
  push(@DpopBound() jkt: string | undefined): object {
    runs.push(jkt);
    return { jkt: jkt ?? null };
  }
}

const server = (options: Partial<DpopAuthorizationServerOptions> = {}): DynamicModule =>
  DpopAuthorizationServerModule.forRoot({ issuer: ISSUER, clock: clock.read, ...options });

function root(...imports: NonNullable<DynamicModule['imports']>): DynamicModule {
  @Module({})
  class RootModule {}
  return { module: RootModule, imports: [...imports], controllers: [TokenController] };
}

interface TokenCall extends Partial<TestProofOptions> {
  readonly path?: string;
  readonly proof?: string | undefined;
  readonly origin?: string;
  readonly authorization?: string;
}

interface OAuthAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
  readonly nonce: string | null;
}

/** Sends one form with a right proof. Nothing is retried. */
async function post(app: RunningApp, options: TokenCall = {}): Promise<OAuthAnswer> {
  const { path = '/token', origin = ISSUER, authorization, proof: given, ...proofOptions } = options;
  const own = { method: 'POST', url: origin + path, ...proofOptions };
  const proof = 'proof' in options ? given : await client.createProof(own);
  const response = await fetch(app.url + path, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
    headers: {
      ...(proof !== undefined && { dpop: proof }),
      ...(authorization !== undefined && { authorization }),
    },
  });
  const body = (await response.json()) as OAuthAnswer['body'];
  return {
    status: response.status,
    body,
    headers: response.headers,
    nonce: response.headers.get('dpop-nonce'),
  };
}

const start = (
  platform: (typeof PLATFORMS)[number],
  module: DynamicModule,
  options: StartOptions = {},
): Promise<RunningApp> => {
  runs = [];
  return startApp(platform, module, options);
};

interface ProofVector {
  readonly url: string;
  readonly iat: number;
  readonly proof: string;
}
const vectors = JSON.parse(
  readFileSync(new URL('./vectors/rfc9449.json', import.meta.url), 'utf8'),
) as Readonly<Record<'tokenRequestProof' | 'refreshRequestProof' | 'resourceRequest', ProofVector>> & {
  readonly jkt: string;
};

describe.each(PLATFORMS)('an authorization server on %s', (platform) => {
  describe('the token requests of RFC 9449', () => {
    test('Fig. 4 and 5: the code request, at its clock, once (G1, F1)', async () => {
      const { iat, proof } = vectors.tokenRequestProof;
      clock.ms = iat * 1000;
      const app = await start(platform, root(server()));
      expect(await post(app, { proof })).toMatchObject({ status: 200, body: { jkt: vectors.jkt } });
      expect(await post(app, { proof })).toMatchObject({
        status: 400,
        body: { error: 'invalid_dpop_proof', error_description: 'The DPoP proof was used before' },
      });
      expect(runs).toEqual([vectors.jkt]);
    });

    test('Fig. 7: the refresh request, with the jti of Fig. 5, which has expired by then (G1, F4)', async () => {
      const { tokenRequestProof, refreshRequestProof } = vectors;
      clock.ms = tokenRequestProof.iat * 1000;
      const app = await start(platform, root(server()));
      expect(await post(app, { proof: tokenRequestProof.proof })).toMatchObject({ status: 200 });
      clock.ms = refreshRequestProof.iat * 1000;
      expect(await post(app, { proof: tokenRequestProof.proof })).toMatchObject({ status: 400 });
      expect(await post(app, { proof: refreshRequestProof.proof })).toMatchObject({
        status: 200,
        body: { jkt: vectors.jkt },
      });
    });

    test('too early, too late, and at another endpoint (C9, C11)', async () => {
      const { iat, proof } = vectors.tokenRequestProof;
      clock.ms = iat * 1000;
      const app = await start(platform, root(server()));
      expect(await post(app, { path: '/par', proof })).toMatchObject({ status: 400 });
      for (const seconds of [-31, 61]) {
        clock.ms = (iat + seconds) * 1000;
        expect(await post(app, { proof })).toMatchObject({
          status: 400,
          body: { error: 'invalid_dpop_proof' },
        });
      }
      expect(runs).toStrictEqual([]);
    });

    test('Fig. 20: the demand for a nonce, word for word (G2, E2)', async () => {
      const app = await start(platform, root(server({ nonce: 'required' })));
      const { status, body, headers, nonce } = await post(app);
      expect(status).toBe(400);
      expect(body).toEqual({
        error: 'use_dpop_nonce',
        error_description: 'Authorization server requires nonce in DPoP proof',
      });
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('www-authenticate')).toBeNull();
      expect(runs).toStrictEqual([]);
      expect(await post(app, { nonce: nonce ?? '' })).toMatchObject({ status: 200, nonce: null });
    });
  });

  describe('a proof that may be absent', () => {
    test('is required by default, and the handler is not reached (G1)', async () => {
      const app = await start(platform, root(server()));
      expect(await post(app, { proof: undefined })).toMatchObject({
        status: 400,
        body: { error: 'invalid_dpop_proof', error_description: 'The DPoP proof is missing' },
      });
      expect(await post(app, { path: '/par', proof: undefined })).toMatchObject({
        status: 201,
        body: { jkt: null },
      });
      expect(await post(app, { path: '/par' })).toMatchObject({
        status: 400,
        body: { error: 'use_dpop_nonce' },
      });
      expect(runs).toStrictEqual([undefined]);
    });

    test('hands over undefined where the server accepts that, and a bad one is refused (G1)', async () => {
      const app = await start(platform, root(server({ absentProof: 'accept' })));
      expect(await post(app, { proof: undefined })).toMatchObject({ status: 200, body: { jkt: null } });
      expect(await post(app)).toMatchObject({ status: 200, body: { jkt: client.jkt } });
      expect(await post(app, { claims: { htm: 'GET' } })).toMatchObject({ status: 400 });
      for (const proof of ['', '  ', '\t']) {
        expect(await post(app, { proof })).toMatchObject({
          status: 400,
          body: { error: 'invalid_dpop_proof', error_description: 'The DPoP proof is not a well-formed JWT' },
        });
      }
      expect(runs).toEqual([undefined, client.jkt]);
    });
  });

  test('no cache stores what DpopBindings refuses: the guard sees to it, and @Header where there is none (G4)', async () => {
    @Controller()
    class CodeController {
      constructor(@Inject(DpopBindings) private readonly bindings: DpopBindings) {}

      @UseGuards(DpopProofGuard)
      @Post('par')
      push(@DpopBound() jkt: string): unknown {
        return this.bindings.ofAuthorizationRequest({ dpopJkt: 'x', jkt });
      }

      @Header('Cache-Control', 'no-store')
      @Post('authorize')
      authorize(): unknown {
        return this.bindings.ofAuthorizationRequest({ dpopJkt: 'x' });
      }
    }
    @Module({ imports: [server()], controllers: [CodeController] })
    class CodeModule {}
    const app = await start(platform, { module: CodeModule });
    for (const path of ['/par', '/authorize']) {
      const { status, body, headers } = await post(app, { path });
      expect({ status, error: body['error'] }).toEqual({ status: 400, error: 'invalid_request' });
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  test('the guard on class and handler, and in front of the whole app, verifies and records one proof (G1, F1)', async () => {
    @UseGuards(DpopProofGuard)
    @Controller('token')
    class ThriceController {
      @UseGuards(DpopProofGuard)
      @HttpCode(200)
      @Post()
      issue(@DpopBound() jkt: string): object {
        return { jkt };
      }
    }
    @Module({
      imports: [server()],
      controllers: [ThriceController],
      providers: [{ provide: APP_GUARD, useExisting: DpopProofGuard }],
    })
    class ThriceModule {}
    const app = await start(platform, { module: ThriceModule });
    const decisions = await observeDecisions(async () => {
      expect(await post(app)).toMatchObject({ status: 200, body: { jkt: client.jkt } });
    });
    expect(decisions).toMatchObject([
      { outcome: 'accepted', jkt: client.jkt, handler: 'ThriceController.issue' },
    ]);
  });

  test('the operator is told the reason, and nothing of the proof (D9)', async () => {
    const logger = new LogCollector();
    const app = await start(platform, root(server()), { logger });
    const proof = await client.createProof({
      method: 'POST',
      url: `${ISSUER}/other`,
      claims: { jti: 'secret-jti' },
    });
    const decisions = await observeDecisions(() => post(app, { proof }));
    expect(decisions).toMatchObject([
      {
        outcome: 'refused',
        code: 'invalid_dpop_proof',
        reason: 'proof_htu',
        handler: 'TokenController.issue',
      },
    ]);
    expect(logger.text).toContain('invalid_dpop_proof (proof_htu: path) on POST /token');
    expect(logger.text).toContain(ISSUER);
    expect(logger.text).toContain('memory of this process');
    for (const part of ['secret-jti', ...proof.split('.')]) expect(logger.text).not.toContain(part);
  });

  test('logReceivedValues shows the proof, and neither the secret of the client nor its form (D9)', async () => {
    const logger = new LogCollector();
    const app = await start(platform, root(server({ logReceivedValues: true })), { logger });
    const authorization = `Basic ${Buffer.from('client-7:secret-7').toString('base64')}`;
    const proof = await client.createProof({
      method: 'GET',
      url: `${ISSUER}/token`,
      claims: { jti: 'secret-jti' },
    });
    await post(app, { proof, authorization });
    expect(logger.text).toContain('logReceivedValues is on');
    expect(logger.text).toContain('htm "GET"');
    for (const secret of ['secret-7', 'client-7', authorization.slice(6), 'client_credentials', 'secret-jti'])
      expect(logger.text).not.toContain(secret);
  });

  test('other parts of a verdict have no value here: 503, and the operator is told (D9)', async () => {
    @UseGuards(DpopProofGuard)
    @Controller('token')
    class CuriousController {
      @Post()
      issue(@DpopBound('claims') claims: object): object {
        return { claims };
      }
    }
    const logger = new LogCollector();
    const module = { ...root(server({ unguardedRoutes: 'warn' })), controllers: [CuriousController] };
    const app = await start(platform, module, { logger });
    const answer = await post(app);
    expect(answer).toMatchObject({ status: 503, body: { code: 'temporarily_unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(logger.text).toContain('DpopProofGuard verifies a proof alone; use @DpopBound() there');
  });

  test('a filter and an interceptor of the app see the proof and the reason, and leave the answer as it is (G2)', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Watcher implements NestInterceptor {
      intercept(context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
        seen.push(getDpopProof(context)?.jkt);
        return next.handle();
      }
    }
    @Catch(DpopOAuthException)
    class Reporter extends BaseExceptionFilter {
      override catch(exception: DpopOAuthException, host: ArgumentsHost): void {
        seen.push(exception.error, (exception.cause as { reason: string }).reason, getDpopProof(host));
        // oxlint-disable-next-line promise/valid-params -- it is no promise
        super.catch(exception, host);
      }
    }
    const providers = [
      { provide: APP_INTERCEPTOR, useClass: Watcher },
      { provide: APP_FILTER, useClass: Reporter },
    ];
    const app = await start(platform, { ...root(server({ nonce: 'required' })), providers });
    const { status, body, nonce, headers } = await post(app);
    expect({ status, error: body['error'] }).toEqual({ status: 400, error: 'use_dpop_nonce' });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(await post(app, { nonce: nonce ?? '' })).toMatchObject({ status: 200 });
    expect(seen).toEqual(['use_dpop_nonce', 'nonce_missing', undefined, client.jkt]);
  });

  test('a refusal that a filter turns into another answer leaves no header behind (D7)', async () => {
    @Catch(DpopOAuthException)
    class Teapot implements ExceptionFilter {
      constructor(@Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost) {}

      catch(_exception: DpopOAuthException, host: ArgumentsHost): void {
        this.adapterHost.httpAdapter.reply(host.switchToHttp().getResponse(), { short: true }, 418);
      }
    }
    const providers = [{ provide: APP_FILTER, useClass: Teapot }];
    const app = await start(platform, { ...root(server({ nonce: 'required' })), providers });
    expect(await post(app)).toMatchObject({ status: 418, body: { short: true }, nonce: null });
  });

  test('an issuer with a path: htu has the path of the request; a proxy that strips it needs origin (C9o)', async () => {
    const issuer = 'https://example.com/auth';
    const plain = await start(platform, root(server({ issuer })));
    expect(await post(plain, { origin: 'https://example.com' })).toMatchObject({ status: 200 });
    expect(await post(plain, { origin: issuer })).toMatchObject({ status: 400 });
    const stripped = await start(platform, root(server({ issuer, origin: issuer })));
    expect(await post(stripped, { origin: issuer })).toMatchObject({ status: 200 });
    expect(await post(stripped, { origin: 'https://example.com' })).toMatchObject({ status: 400 });
  });

  test('a replay store that is full is 503, without an error code of the client (D8, G2)', async () => {
    const storage = new MemoryStorage({ maxEntries: 1 });
    const app = await start(platform, root(server({ storage })));
    await post(app);
    const { status, body, headers } = await post(app);
    expect({ status, error: body['error'] }).toEqual({ status: 503, error: 'temporarily_unavailable' });
    expect(headers.get('retry-after')).toMatch(/^[1-9]/);
  });

  describe('options', () => {
    test('of a factory, and the verifier without a guard (G1)', async () => {
      const module = DpopAuthorizationServerModule.forRootAsync({
        useFactory: () => ({ issuer: ISSUER, clock: clock.read }),
      });
      const app = await start(platform, root(module));
      expect(await post(app)).toMatchObject({ status: 200 });
      const proof = await client.createProof({ method: 'POST', url: `${ISSUER}/token` });
      const verifier = app.nest.get(DpopProofVerifier);
      const request = { method: 'POST', target: '/token', rawHeaders: ['DPoP', proof] };
      expect(await verifier.verify(request)).toEqual({ jkt: client.jkt, hasNonce: false });
      await expect(verifier.verify(request)).rejects.toMatchObject({ reason: 'proof_replayed' });
      const without = { ...request, rawHeaders: [] };
      await expect(verifier.verify(without)).rejects.toMatchObject({ reason: 'proof_missing' });
      await expect(verifier.verify(without, { absentProof: undefined as never })).rejects.toMatchObject({
        reason: 'proof_missing',
      });
      expect(await verifier.verify(without, { absentProof: 'accept' })).toBeUndefined();
      for (const value of ['', ' ']) {
        const blank = { ...request, rawHeaders: ['DPoP', value] };
        await expect(verifier.verify(blank, { absentProof: 'accept' })).rejects.toMatchObject({
          reason: 'proof_malformed',
        });
      }
      // The status is that of a resource. A token endpoint answers 400.
      await expect(verifier.verify(without)).rejects.toMatchObject({
        code: 'invalid_dpop_proof',
        status: 401,
      });
    });
  });
});

/** An API and an authorization server that have everything in common: app, origin, secret, storage, and the guard of the app. */
describe.each(PLATFORMS)('both servers in one app on %s', (platform) => {
  let app: RunningApp;
  let token: string;
  let issuer: TestIssuer;

  @Controller('resource')
  class ResourceController {
    @HttpCode(200)
    @Post()
    read(@DpopBound() jkt: string): object {
      return { read: jkt };
    }
  }

  async function startBoth(
    changes: Partial<DpopModuleOptions & DpopAuthorizationServerOptions> = {},
    endpoint: Type = EndpointController,
  ): Promise<void> {
    issuer = await TestIssuer.create({ clock: clock.read });
    token = await issuer.issueToken({ client });
    const storage = new MemoryStorage();
    const shared = { storage, nonce: { mode: 'required', secret: SECRET }, clock: clock.read } as const;
    @Module({
      imports: [
        DpopModule.forRoot({ origin: ISSUER, accessToken: issuer.accessToken, ...shared, ...changes }),
        server({ ...shared, ...changes }),
      ],
      controllers: [ResourceController, endpoint],
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
    })
    class BothModule {}
    app = await start(platform, { module: BothModule });
  }

  @SkipDpop()
  @UseGuards(DpopProofGuard)
  @Controller('token')
  class EndpointController {
    @HttpCode(200)
    @Post()
    issue(@DpopBound() jkt: string): object {
      return { issued: jkt };
    }
  }

  const callResource = (options: TokenCall = {}): Promise<OAuthAnswer> =>
    post(app, { path: '/resource', token, authorization: `DPoP ${token}`, ...options });

  test('neither accepts a nonce of the other (G3)', async () => {
    await startBoth();
    const ofServer = (await post(app)).nonce ?? '';
    const ofResource = (await callResource()).nonce ?? '';
    expect(ofServer).not.toBe('');
    expect(ofResource).not.toBe('');
    expect(await post(app, { nonce: ofResource })).toMatchObject({
      status: 400,
      body: { error: 'use_dpop_nonce' },
    });
    expect(await callResource({ nonce: ofServer })).toMatchObject({
      status: 401,
      body: { code: 'use_dpop_nonce' },
    });
    expect(await post(app, { nonce: ofServer })).toMatchObject({ status: 200, body: { issued: client.jkt } });
    expect(await callResource({ nonce: ofResource })).toMatchObject({
      status: 200,
      body: { read: client.jkt },
    });
  });

  test('neither accepts a proof of the other, even for one and the same URL (G3, C12)', async () => {
    await startBoth({ nonce: 'off' });
    const forToken = { method: 'POST', url: `${ISSUER}/token` };
    const forResource = { method: 'POST', url: `${ISSUER}/resource` };
    const cases: readonly [string, TestProofOptions, object][] = [
      ['/token', forResource, { status: 400, body: { error: 'invalid_dpop_proof' } }],
      ['/token', { ...forToken, token }, { status: 400, body: { error: 'invalid_dpop_proof' } }],
      ['/resource', { ...forToken, token }, { status: 401, body: { code: 'invalid_dpop_proof' } }],
      ['/resource', forResource, { status: 401, body: { code: 'invalid_dpop_proof' } }],
    ];
    for (const [path, options, expected] of cases) {
      const proof = await client.createProof(options);
      expect(await post(app, { path, proof, authorization: `DPoP ${token}` })).toMatchObject(expected);
    }
    expect(await post(app)).toMatchObject({ status: 200 });
    expect(await callResource()).toMatchObject({ status: 200 });
  });

  test('a token request is no resource request: an access token beside the proof changes nothing (G1)', async () => {
    await startBoth({ nonce: 'off' });
    expect(await post(app, { authorization: `DPoP ${token}` })).toMatchObject({ status: 200 });
    expect(await post(app, { authorization: 'Basic YTpi' })).toMatchObject({ status: 200 });
    expect(await callResource({ authorization: 'Basic YTpi' })).toMatchObject({ status: 401 });
  });

  test('one that is covered by both guards does not start (G7)', async () => {
    @UseGuards(DpopProofGuard)
    @Controller('token')
    class CoveredTwiceController {
      @Post()
      issue(): void {}
    }
    await expect(startBoth({}, CoveredTwiceController)).rejects.toThrow(
      /^DpopGuard and DpopProofGuard both cover these handlers, .*: CoveredTwiceController\.issue\. Add @SkipDpop\(\)/,
    );
  });
});
