import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Post,
  Req,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopTicket,
  DpopTickets,
  SkipDpop,
  type DpopVerdict,
  fapi2,
  getDpopVerdict,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { AnsweringStore } from './support/answering-store.js';
import { call, proofFor, send, UNAVAILABLE } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let seen: (DpopVerdict | undefined)[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

beforeEach(() => {
  seen = [];
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

/** What an app has before DPoP: a guard of its own, which sets the user. */
@Injectable()
class OldGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    context.switchToHttp().getRequest<{ user?: unknown }>().user = { name: 'alice' };
    return true;
  }
}

@UseGuards(OldGuard, DpopGuard)
@Controller()
class ReportedController {
  @Dpop({ enforcement: 'report' })
  @Get()
  read(@Req() request: { user?: unknown }, @DpopBound() jkt: string | undefined) {
    seen.push(getDpopVerdict(request));
    return { user: request.user === getDpopVerdict(request) ? 'the verdict' : request.user, jkt };
  }

  @Dpop({ enforcement: 'report', nonce: 'required' })
  @Get('nonce')
  nonce(@Req() request: object): string {
    seen.push(getDpopVerdict(request));
    return 'nonce';
  }

  @Dpop({ enforcement: 'report' })
  @RequireScopes('write')
  @Get('scoped')
  scoped(@Req() request: object): string {
    seen.push(getDpopVerdict(request));
    return 'scoped';
  }

  @Get('enforced')
  enforced(@Req() request: object): string {
    seen.push(getDpopVerdict(request));
    return 'enforced';
  }
}

@UseGuards(DpopGuard)
@Controller()
class AnonymousController {
  @Dpop({ anonymous: 'allow' })
  @RequireScopes('read')
  @Get()
  read(@Req() request: object, @DpopBound() jkt: string | undefined, @DpopBound('scopes') scopes: string[]) {
    seen.push(getDpopVerdict(request));
    return { jkt: jkt ?? 'nobody', scopes: scopes ?? 'nothing' };
  }
}

const modules = (dpop: DpopModuleOptions, ...controllers: Type[]) =>
  createRootModule({ dpop: DpopModule.forRoot(dpop), controllers });

describe.each(PLATFORMS)("a route with enforcement: 'report' on %s (K1)", (platform) => {
  const start = async (
    dpop: DpopModuleOptions = options(),
    logger = new LogCollector(),
    controller: Type = ReportedController,
  ) => await startApp(platform, modules(dpop, controller), { logger });

  test('verifies a good request as ever, and leaves the user of the app alone', async () => {
    const app = await start();
    expect(await call(app, client, { token })).toMatchObject({
      status: 200,
      body: { user: { name: 'alice' }, jkt: client.jkt },
    });
    expect(seen).toMatchObject([{ enforced: true, unmet: undefined, jkt: client.jkt, scopes: ['read'] }]);
  });

  test('lets through what would be refused, and the handler sees why', async () => {
    const app = await start();
    expect(await call(app, client)).toMatchObject({
      status: 200,
      body: { user: { name: 'alice' } },
      challenge: null,
      nonce: null,
    });
    const [verdict] = seen;
    expect(verdict).toMatchObject({
      enforced: false,
      unmet: { code: 'credentials_missing', reason: 'credentials_missing' },
      jkt: undefined,
      claims: {},
      scopes: [],
    });
    expect(verdict?.token).toBe('');
    expect([verdict, verdict?.unmet, verdict?.claims].every(Object.isFrozen)).toBe(true);
  });

  test('shows neither claims nor token of a request that fails after its token was verified', async () => {
    const app = await start();
    const proof = await proofFor(client, { token });
    await call(app, client, { token, proof });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { path: '/scoped', token })).toMatchObject({ status: 200 });
    expect(seen).toMatchObject([
      { enforced: true },
      { enforced: false, claims: {}, token: '', unmet: { reason: 'proof_replayed' } },
      { enforced: false, claims: {}, token: '', unmet: { reason: 'scope_insufficient' } },
    ]);
  });

  test('does not touch its neighbours', async () => {
    const app = await start();
    expect(await call(app, client, { path: '/enforced' })).toMatchObject({
      status: 401,
      code: 'credentials_missing',
    });
    expect(seen).toStrictEqual([]);
  });

  test('supplies the nonce that it would demand, and takes it (E4)', async () => {
    const app = await start();
    const first = await call(app, client, { path: '/nonce', token });
    expect(first).toMatchObject({ status: 200, challenge: null, nonce: expect.any(String) });
    await call(app, client, { path: '/nonce', token, nonce: first.nonce ?? '' });
    expect(seen).toMatchObject([
      { enforced: false, unmet: { code: 'use_dpop_nonce', reason: 'nonce_missing' } },
      { enforced: true, hasNonce: true },
    ]);
  });

  test('lets a request through while the replay store fails', async () => {
    const storage = {
      replayStore: new AnsweringStore(() => Promise.reject(new Error('down'))),
      shared: true,
    };
    const logger = new LogCollector();
    const app = await start(options({ storage }), logger);
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(seen).toMatchObject([{ enforced: false, unmet: { reason: 'replay_store_unavailable' } }]);
    expect(logger.text).toContain(
      "error let through by enforcement: 'report', would be answered 503: replay_store_unavailable",
    );
  });

  test('tells the operator reason, route and client, and no secret', async () => {
    const logger = new LogCollector();
    const app = await start(options(), logger);
    const decisions = await observeDecisions(() => call(app, client, { path: '/scoped', token }));
    expect(decisions).toMatchObject([
      {
        outcome: 'refused',
        enforced: false,
        reason: 'scope_insufficient',
        clientId: 'client',
        route: '/scoped',
      },
    ]);
    expect(logger.text).toContain(
      "warn let through by enforcement: 'report', would be refused: insufficient_scope (scope_insufficient) on GET /scoped (ReportedController.scoped)",
    );
    expect(logger.text).toContain(`client client of ${issuer.issuer}`);
    expect(logger.text).not.toContain(token);
    expect(JSON.stringify(decisions)).not.toContain(token);
  });

  test('is named at start, and so is a service that only reports', async () => {
    const routes = new LogCollector();
    await start(options(), routes);
    expect(routes.text).toContain(
      "@Dpop({ enforcement: 'report' }) lets every request through: ReportedController.read, ReportedController.nonce, ReportedController.scoped",
    );
    expect(routes.text).not.toContain("enforcement: 'report' is on");
    const service = new LogCollector();
    const app = await start(options({ enforcement: 'report' }), service);
    expect(service.text).toContain("warn enforcement: 'report' is on: DpopGuard lets every request through");
    expect(await call(app, client, { path: '/enforced' })).toMatchObject({ status: 200 });
  });

  test('a route enforces in a service that only reports', async () => {
    @UseGuards(DpopGuard)
    @Controller()
    class EnforcingController {
      @Dpop({ enforcement: 'enforce' })
      @Get()
      read(): string {
        return 'read';
      }
    }
    const app = await start(options({ enforcement: 'report' }), new LogCollector(), EnforcingController);
    expect(await call(app, client)).toMatchObject({ status: 401, code: 'credentials_missing' });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
  });

  test('an override does not inherit the report, and inherits the enforcement', async () => {
    class Base {
      @Dpop({ enforcement: 'report' })
      @Get()
      read(): string {
        return 'base';
      }

      @Dpop({ enforcement: 'enforce' })
      @Get('strict')
      strict(): string {
        return 'base';
      }
    }
    @UseGuards(DpopGuard)
    @Controller()
    class Derived extends Base {
      @Get()
      override read(): string {
        return 'derived';
      }

      @Get('strict')
      override strict(): string {
        return 'derived';
      }
    }
    const enforcing = await start(options(), new LogCollector(), Derived);
    expect(await call(enforcing, client)).toMatchObject({ status: 401 });
    const reporting = await start(options({ enforcement: 'report' }), new LogCollector(), Derived);
    expect(await call(reporting, client, { path: '/strict' })).toMatchObject({ status: 401 });
    expect(await call(reporting, client)).toMatchObject({ status: 200 });
  });

  test('issues no ticket to a request that did not pass', async () => {
    @UseGuards(DpopGuard)
    @Controller()
    class TicketsController {
      constructor(@Inject(DpopTickets) private readonly tickets: DpopTickets) {}

      @Dpop({ enforcement: 'report' })
      @Post()
      issue(@Req() request: object): Promise<DpopTicket> {
        return this.tickets.issue(request, '/feed');
      }
    }
    const logger = new LogCollector();
    const app = await start(options(), logger, TicketsController);
    expect(await call(app, client, { method: 'POST', token })).toMatchObject({
      status: 201,
      body: { ticket: expect.any(String) as unknown },
    });
    expect(await call(app, client, { method: 'POST' })).toMatchObject(UNAVAILABLE);
    expect(logger.text).toContain(
      "DpopTickets.issue() was called for a request that enforcement: 'report' let through unverified",
    );
  });

  test('no ticket is issued on a route that @SkipDpop opens, and the log says so', async () => {
    @UseGuards(DpopGuard)
    @Controller()
    class OpenTicketsController {
      constructor(@Inject(DpopTickets) private readonly tickets: DpopTickets) {}

      @SkipDpop()
      @Post()
      issue(@Req() request: object): Promise<DpopTicket> {
        return this.tickets.issue(request, '/feed');
      }
    }
    const logger = new LogCollector();
    const app = await start(options(), logger, OpenTicketsController);
    expect(await call(app, client, { method: 'POST', token })).toMatchObject(UNAVAILABLE);
    expect(logger.text).toMatch(
      /DpopTickets\.issue\(\) found no verdict.*remove @SkipDpop\(\) if it opens the route/,
    );
  });

  test('what one guard only reports, another one enforces', async () => {
    /** Reports whatever the route says. */
    @Injectable()
    class ReportingGuard extends DpopGuard {
      protected override getPolicy() {
        return { nonce: 'off', bearer: 'reject', enforcement: 'report' } as const;
      }
    }
    @UseGuards(ReportingGuard, DpopGuard, ReportingGuard)
    @Controller()
    class TwiceGuardedController {
      @RequireScopes('read')
      @Get()
      read(@Req() request: object): string {
        seen.push(getDpopVerdict(request));
        return 'read';
      }
    }
    const app = await start(options(), new LogCollector(), TwiceGuardedController);
    const decisions = await observeDecisions(async () => {
      expect(await call(app, client)).toMatchObject({ status: 401, code: 'credentials_missing' });
    });
    expect(decisions.map(({ enforced }) => enforced)).toEqual([false, true]);
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(seen).toMatchObject([{ enforced: true, jkt: client.jkt }]);
  });

  test("cannot stand where bearer: 'forbid' does", async () => {
    await expect(start(options({ bearer: 'forbid' }))).rejects.toThrow(
      /enforcement: 'report' \}\) must not stand in an app with the option bearer: 'forbid'.*ReportedController\.read/,
    );
    const both = options({ bearer: 'forbid', enforcement: 'report' });
    await expect(start(both, undefined, AnonymousController)).rejects.toThrow(
      /^enforcement must be 'enforce' beside bearer: 'forbid'/,
    );
    expect(() => fapi2(options({ enforcement: 'report' }))).toThrow(/^fapi2\(\) enforcement must be/);
  });
});

describe.each(PLATFORMS)("a route with anonymous: 'allow' on %s (K2)", (platform) => {
  const start = async (dpop = options()) => await startApp(platform, modules(dpop, AnonymousController));

  test('lets a request without credentials through as nobody', async () => {
    const app = await start();
    const decisions = await observeDecisions(async () => {
      expect(await call(app, client)).toMatchObject({
        status: 200,
        body: { jkt: 'nobody', scopes: 'nothing' },
        challenge: null,
      });
    });
    expect(seen).toStrictEqual([undefined]);
    expect(decisions).toMatchObject([
      { outcome: 'anonymous', code: undefined, jkt: undefined, enforced: true, route: '/' },
    ]);
  });

  test('and one with good credentials as whom they name', async () => {
    const app = await start();
    expect(await call(app, client, { token })).toMatchObject({
      status: 200,
      body: { jkt: client.jkt, scopes: ['read'] },
    });
  });

  test.each([
    ['a proof without a token', () => proofFor(client, {}).then((dpop) => ({ dpop })), 401],
    ['an empty proof', () => Promise.resolve({ dpop: '' }), 401],
    ['a token without a proof', () => Promise.resolve({ authorization: `DPoP ${token}` }), 401],
    ['the bound token as Bearer', () => Promise.resolve({ authorization: `Bearer ${token}` }), 401],
    ['another scheme', () => Promise.resolve({ authorization: 'Basic YTpi' }), 401],
    ['an empty Authorization', () => Promise.resolve({ authorization: '' }), 401],
  ])('but never one with %s', async (_what, credentials, status) => {
    const app = await start();
    expect((await send(`${app.url}/`, { headers: await credentials() })).status).toBe(status);
    expect(seen).toStrictEqual([]);
  });

  test('and good credentials must meet what the route requires', async () => {
    const app = await start();
    const poor = await issuer.issueToken({ client, scopes: ['other'] });
    expect(await call(app, client, { token: poor })).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
    });
  });

  test('also with a global guard, and then only there', async () => {
    @Controller()
    class MixedController {
      @Dpop({ anonymous: 'allow' })
      @Get()
      read(): string {
        return 'read';
      }

      @Get('closed')
      closed(): string {
        return 'closed';
      }
    }
    const app = await startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(options()),
        controllers: [MixedController],
        providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
      }),
    );
    expect((await call(app, client)).status).toBe(200);
    expect(await call(app, client, { path: '/closed' })).toMatchObject({
      status: 401,
      code: 'credentials_missing',
    });
  });
});
