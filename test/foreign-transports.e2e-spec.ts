import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ArgumentsHost,
  Controller,
  type ExecutionContext,
  Injectable,
  Post,
  UseGuards,
} from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ExternalContextCreator, NestFactory } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { DpopBound, DpopGuard, DpopModule, type DpopModuleOptions, type DpopRequest } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor } from './support/call.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let hits = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

beforeEach(() => {
  hits = 0;
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

/** A gateway asks about a request that it holds: method, target and headers stand in the body. */
@Injectable()
class ForwardedGuard extends DpopGuard {
  protected override getDpopRequest(context: ExecutionContext): DpopRequest {
    const { body } = context.switchToHttp().getRequest<{ body: DpopRequest }>();
    return { method: body.method, target: body.target, rawHeaders: body.rawHeaders };
  }
}

@Controller()
class GatewayController {
  @UseGuards(ForwardedGuard)
  @Post('check')
  check(@DpopBound() jkt: string): { jkt: string } {
    hits += 1;
    return { jkt };
  }
}

describe.each(PLATFORMS)('a guard that reads the request elsewhere, on %s', (platform) => {
  test('by overriding getDpopRequest: verdict, refusal and headers are the same', async () => {
    const app = await startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot(options()), controllers: [GatewayController] }),
    );
    const proof = await proofFor(client, { method: 'PUT', path: '/inner', token });
    const held = {
      method: 'PUT',
      target: '/inner',
      rawHeaders: ['Authorization', `DPoP ${token}`, 'DPoP', proof],
    };
    const ask = (body: object) => call(app, client, { method: 'POST', path: '/check', body });
    expect(await ask(held)).toMatchObject({ status: 201, body: { jkt: client.jkt } });
    const replayed = await ask(held);
    expect(replayed).toMatchObject({ status: 401, code: 'invalid_dpop_proof' });
    expect(replayed.challenge).toContain('error="invalid_dpop_proof"');
    expect(await ask({ ...held, method: 'POST' })).toMatchObject({ status: 401 });
    expect(hits).toBe(1);
  });
});

/** A message from a queue, which carries what an HTTP request would. */
interface QueueMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
}

@Injectable()
class QueueGuard extends DpopGuard {
  override getRequest(context: ExecutionContext): object {
    return context.getArgByIndex<QueueMessage>(0);
  }

  protected override getDpopRequest(context: ExecutionContext): DpopRequest {
    const { subject, headers } = context.getArgByIndex<QueueMessage>(0);
    return { method: 'PUBLISH', target: `/${subject}`, rawHeaders: Object.entries(headers).flat() };
  }
}

@Injectable()
class QueueHandler {
  @UseGuards(QueueGuard, QueueGuard)
  own(_message: QueueMessage, @DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }

  @UseGuards(DpopGuard)
  plain(): string {
    hits += 1;
    return 'plain';
  }
}

describe('other transports', () => {
  type Handle = (...args: unknown[]) => Promise<unknown>;

  /** Runs guards and parameter decorators as Nest does for transports of its own. */
  async function start(method: 'own' | 'plain', type: string): Promise<Handle> {
    const { nest } = await startApp(
      'express',
      createRootModule({ dpop: DpopModule.forRoot(options()), providers: [QueueHandler, QueueGuard] }),
    );
    const handler = nest.get(QueueHandler);
    const paramsFactory = { exchangeKeyForValue: (_type: number, _data: unknown, args: unknown) => args };
    const enhancers = { guards: true, filters: false, interceptors: false };
    return nest
      .get(ExternalContextCreator)
      .create(
        handler,
        handler[method] as (...args: unknown[]) => unknown,
        method,
        ROUTE_ARGS_METADATA,
        paramsFactory,
        undefined,
        undefined,
        enhancers,
        type,
      );
  }

  test('by overriding getRequest and getDpopRequest: @DpopBound finds the verdict, replays are refused', async () => {
    const handle = await start('own', 'queue');
    const proof = await proofFor(client, { method: 'PUBLISH', path: '/accounts', token });
    const message = (): QueueMessage => ({
      subject: 'accounts',
      headers: { authorization: `DPoP ${token}`, dpop: proof },
    });
    expect(await handle(message())).toBe(client.jkt);
    await expect(handle(message())).rejects.toMatchObject({
      status: 401,
      cause: { name: 'DpopError', reason: 'proof_replayed' },
    });
    await expect(handle({ subject: 'accounts', headers: {} })).rejects.toMatchObject({ status: 401 });
    expect(hits).toBe(1);
  });

  const strangers: readonly (readonly [string, readonly unknown[]])[] = [
    ['rpc', [{ headers: {} }, {}]],
    ['ws', [{ handshake: { headers: {} } }, 'data']],
    ['queue', [{ method: 'GET', url: '/', rawHeaders: [] }]],
    ['graphql', [{}, {}, {}, {}]],
    ['graphql', [{}, {}, undefined, {}]],
    ['graphql', [{}, {}, { req: { headers: {} } }, {}]],
    ['http', [undefined, undefined]],
    ['http', [{ headers: {} }, undefined]],
    ['http', [{ method: 'GET', url: '/', rawHeaders: 'x' }, undefined]],
  ];

  test.each(strangers)(
    'what the guard does not know it refuses, and says what to do: %s %j (D8)',
    async (type, args) => {
      const handle = await start('plain', type);
      await expect(handle(...args)).rejects.toMatchObject({
        status: 503,
        response: { code: 'temporarily_unavailable' },
        cause: {
          reason: 'transport_unknown',
          advice: expect.stringContaining('override getRequest and getDpopRequest'),
        },
      });
      expect(hits).toBe(0);
    },
  );

  test('so it does in an application that has no HTTP at all', async () => {
    const module = createRootModule({
      dpop: DpopModule.forRoot(options()),
      providers: [QueueHandler, QueueGuard],
    });
    const context = await NestFactory.createApplicationContext(module, { logger: false });
    const host = new ExecutionContextHost(
      [{ subject: 'x', headers: {} }],
      QueueHandler,
      QueueHandler.prototype.own,
    );
    host.setType<string>('queue');
    const guarded: ArgumentsHost & ExecutionContext = host;
    await expect(context.get(DpopGuard).canActivate(guarded)).rejects.toMatchObject({ status: 503 });
    await expect(context.get(QueueGuard).canActivate(guarded)).rejects.toMatchObject({ status: 401 });
    await context.close();
  });
});
