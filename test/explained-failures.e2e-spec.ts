import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Injectable, Module, type Type, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import {
  AccessTokenVerifier,
  type AccessTokenClaims,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  ReplayStore,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, send, UNAVAILABLE } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { ORIGIN } from './support/origin.js';
import { adapterOf, PLATFORMS } from './support/platforms.js';
import { closeApps, startApp } from './support/running-app.js';
import { sharedMemory } from './support/shared-memory.js';

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let logger: LogCollector;

beforeEach(async () => {
  clock = new HandClock();
  client = await TestClient.create({ clock: clock.read });
  issuer = await TestIssuer.create({ clock: clock.read });
  logger = new LogCollector();
});

afterEach(closeApps);

function moduleOf(changes: Partial<DpopModuleOptions>, controllers: Type[], providers: Type[] = []): Type {
  const dpop = DpopModule.forRoot({
    origin: ORIGIN,
    accessToken: issuer.accessToken,
    clock: clock.read,
    storage: sharedMemory(),
    ...changes,
  });
  @Module({ imports: [dpop], controllers, providers })
  class AppModule {}
  return AppModule;
}

/** Lines of ours: all but those in which Nest tells of its start. */
const told = (): readonly string[] => logger.lines.filter((line) => !line.startsWith('log '));

class FailingStore extends ReplayStore {
  override claim(): never {
    throw Object.assign(new Error('quoted'), { code: 'ECONNREFUSED', name: 'quoted' });
  }

  override epochOf(): string {
    return 'm';
  }
}

@Injectable()
class FailingVerifier extends AccessTokenVerifier {
  override verify(): Promise<AccessTokenClaims> {
    return Promise.reject(new RangeError('quoted'));
  }
}

@Injectable()
class ForgetfulGuard extends DpopGuard {
  override getRequest(): never {
    throw new Error('quoted');
  }
}

@Injectable()
class FailingUserGuard extends DpopGuard {
  override handleRequest(): never {
    throw new Error('quoted');
  }
}

@UseGuards(AuthGuard('dpop'))
@Controller()
class PassportController {
  @Get()
  read(): string {
    return 'read';
  }
}

@Controller()
class UnguardedController {
  @Get()
  read(@DpopBound() jkt: string): string {
    return jkt;
  }
}

function guardedBy(guard: Type<DpopGuard>): Type {
  @UseGuards(guard)
  @Controller()
  class GuardedController {
    @Get()
    read(): string {
      return 'read';
    }
  }
  return GuardedController;
}

describe.each(PLATFORMS)('every 503 is logged, wherever it is thrown, on %s (D9)', (platform) => {
  const failures: Readonly<Record<string, () => readonly [Type, RegExp]>> = {
    'a store that fails': () => [
      moduleOf({ storage: { replayStore: new FailingStore(), shared: true } }, [guardedBy(DpopGuard)]),
      /^error answered 503: replay_store_unavailable; Error ECONNREFUSED at \S+explained-failures\.e2e-spec\.ts:\d+:\d+; on GET \/ \(GuardedController\.read\)/,
    ],
    'a verifier of the app that fails': () => [
      moduleOf({ accessToken: new FailingVerifier() }, [guardedBy(DpopGuard)]),
      /^error answered 503: internal_failure; RangeError at \S+; on GET \/ \(GuardedController\.read\)/,
    ],
    'an issuer that is away': () => [
      moduleOf({ accessToken: { issuer: issuer.issuer, audience: 'x', jwksUri: closedPort } }, [
        guardedBy(DpopGuard),
      ]),
      /^error answered 503: issuer_unavailable; .*; on GET \/ \(GuardedController\.read\)/,
    ],
    'a function for the origin that fails': () => [
      moduleOf(
        {
          origin: () => {
            throw new Error('quoted');
          },
        },
        [guardedBy(DpopGuard)],
      ),
      /^error answered 503: origin_unavailable; Error at /,
    ],
    'an override of getRequest': () => [
      moduleOf({}, [guardedBy(ForgetfulGuard)]),
      /^error answered 503: internal_failure; Error at /,
    ],
    'an override of handleRequest': () => [
      moduleOf({}, [guardedBy(FailingUserGuard)]),
      /^error answered 503: internal_failure; handleRequest of FailingUserGuard failed; Error at /,
    ],
    "AuthGuard('dpop') in the place of DpopGuard": () => [
      moduleOf({}, [PassportController]),
      /^error answered 503: verdict_missing; the strategy "dpop" works through DpopGuard only/,
    ],
    '@DpopBound() where no guard ran': () => [
      moduleOf({ unguardedRoutes: 'warn' }, [UnguardedController]),
      /^error answered 503: verdict_missing; @DpopBound\(\) found no verdict.*@UseGuards\(DpopGuard\).*; on GET \/ \(UnguardedController\.read\)/,
    ],
  };
  const closedPort = 'http://127.0.0.1:1/jwks';

  test.each(Object.entries(failures))('%s', async (_what, make) => {
    const [module, line] = make();
    const app = await startApp(platform, module, { logger });
    const token = await issuer.issueToken({ client });
    const answer = await call(app, client, { token });
    expect(answer).toMatchObject(UNAVAILABLE);
    const errors = logger.lines.filter((text) => text.startsWith('error'));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(line);
    expect(errors[0]).not.toContain('quoted');
    expect(logger.text).not.toContain(token);
  });

  test('a flood of them is not a flood of lines', async () => {
    const storage = { replayStore: new FailingStore(), shared: true };
    const app = await startApp(platform, moduleOf({ storage }, [guardedBy(DpopGuard)]), { logger });
    const token = await issuer.issueToken({ client });
    for (let i = 0; i < 40; i += 1) await call(app, client, { token });
    expect(told()).toHaveLength(10);
    clock.advanceSeconds(60);
    await call(app, client, { token });
    expect(logger.text).toContain('30 more of replay_store_unavailable from 2030-01-01T00:00:00.000Z on');
  });

  test('a request that passes in spite of one is told, too', async () => {
    const storage = { replayStore: new FailingStore(), shared: true };
    const changes = { storage, onReplayStoreFailure: 'accept-and-report' } as const;
    const app = await startApp(platform, moduleOf(changes, [guardedBy(DpopGuard)]), { logger });
    expect(await call(app, client, { token: await issuer.issueToken({ client }) })).toMatchObject({
      status: 200,
    });
    expect(told()).toEqual([
      expect.stringMatching(
        /^error accepted without a replay check: replay_store_unavailable; Error ECONNREFUSED at .*on GET \//,
      ),
    ]);
  });

  test('also those that no examination has decided are published', async () => {
    const app = await startApp(platform, moduleOf({}, [guardedBy(ForgetfulGuard)]), { logger });
    const decisions = await observeDecisions(() => call(app, client));
    expect(decisions).toMatchObject([
      {
        outcome: 'unavailable',
        reason: 'internal_failure',
        handler: 'GuardedController.read',
        method: 'GET',
      },
    ]);
  });

  test('@DpopBound() without a verdict tells when to come back (D8)', async () => {
    const app = await startApp(platform, moduleOf({ unguardedRoutes: 'warn' }, [UnguardedController]), {
      logger,
    });
    const { headers } = await call(app, client);
    expect(headers.get('retry-after')).toBe('1');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('@DpopBound() under overrideGuard names the handler and the way out', async () => {
    const testing = await Test.createTestingModule({ imports: [moduleOf({}, [BoundController])] })
      .overrideGuard(DpopGuard)
      .useValue({ canActivate: () => true })
      .compile();
    const nest = testing.createNestApplication(adapterOf(platform) as never, { logger });
    await nest.listen(0, '127.0.0.1');
    try {
      expect(await send(await nest.getUrl())).toMatchObject({ status: 503, code: 'temporarily_unavailable' });
      expect(logger.text).toMatch(/verdict_missing.*TestClient.*on GET \/ \(BoundController\.read\)/);
    } finally {
      await nest.close();
    }
  });
});

@UseGuards(DpopGuard)
@Controller()
class BoundController {
  @Get()
  read(@DpopBound() jkt: string): string {
    return jkt;
  }
}
