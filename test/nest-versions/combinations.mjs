// DpopGuard beside packages of other authors, which are CommonJS: @nestjs/throttler, nestjs-cls and @nest-lab/or-guard. Runs
// on the packed package, next to one version of Nest: see .ci/nest-versions.mjs.
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OrGuard } from '@nest-lab/or-guard';
import { Catch, Controller, Get, Module, UseFilters, UseGuards } from '@nestjs/common';
import { APP_GUARD, BaseExceptionFilter, HttpAdapterHost, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { CLS_REQ, ClsModule, ClsService } from 'nestjs-cls';
import {
  DPOP_DECISION_CHANNEL,
  DpopGuard,
  DpopHttpException,
  DpopModule,
  dpopTracker,
  getDpopVerdict,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { decorate, inject, onMethod } from './by-hand.mjs';

const ORIGIN = 'https://api.example.com';
const PLATFORMS = ['express', 'fastify'];

let issuer;
let client;
let other;
let token;
let tokenOfOther;
let runs = 0;

before(async () => {
  issuer = await TestIssuer.create();
  [client, other] = [await TestClient.create(), await TestClient.create()];
  token = await issuer.issueToken({ client });
  tokenOfOther = await issuer.issueToken({ client: other, claims: { sub: 'bob' } });
});

const running = [];
after(() => Promise.all(running.map((app) => app.close())));

async function start(platform, { imports = [], controllers, providers = [], dpop = {} }) {
  class RootModule {}
  const options = { origin: ORIGIN, accessToken: issuer.accessToken, ...dpop };
  decorate(
    RootModule,
    Module({ imports: [DpopModule.forRoot(options), ...imports], controllers, providers }),
  );
  const adapter =
    platform === 'express' ? new ExpressAdapter() : new FastifyAdapter({ forceCloseConnections: true });
  const app = await NestFactory.create(RootModule, adapter, {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  running.push(app);
  await app.listen(0, '127.0.0.1');
  runs = 0;
  return app.getUrl();
}

/** One request; with a token, with a new proof of the holder. */
async function call(url, { path = '/', holder = client, bearer, headers = {} } = {}) {
  const credentials =
    bearer === undefined
      ? {}
      : await holder.createHeaders({ method: 'GET', url: ORIGIN + path, token: bearer });
  const response = await fetch(url + path, { headers: { ...headers, ...credentials } });
  const text = await response.text();
  return { status: response.status, challenge: response.headers.get('www-authenticate'), text };
}

async function statusesOf(url, ...calls) {
  const statuses = [];
  for (const options of calls) statuses.push((await call(url, options)).status);
  return statuses;
}

async function decisionsOf(act) {
  const decisions = [];
  const keep = ({ outcome, code }) => decisions.push({ outcome, code });
  subscribe(DPOP_DECISION_CHANNEL, keep);
  try {
    await act();
  } finally {
    unsubscribe(DPOP_DECISION_CHANNEL, keep);
  }
  return decisions;
}

function countingController(...decorators) {
  class CountingController {
    read() {
      runs += 1;
      return 'read';
    }
    open() {
      runs += 1;
      return 'open';
    }
  }
  onMethod(CountingController, 'read', Get());
  onMethod(CountingController, 'open', Get('open'), SkipDpop());
  return decorate(CountingController, Controller(), ...decorators);
}

for (const platform of PLATFORMS) {
  void describe(`@nestjs/throttler with dpopTracker on ${platform}`, () => {
    const DPOP_FIRST = [
      { provide: APP_GUARD, useExisting: DpopGuard },
      { provide: APP_GUARD, useClass: ThrottlerGuard },
    ];
    const throttled = (providers) =>
      start(platform, {
        imports: [
          ThrottlerModule.forRoot({ throttlers: [{ ttl: 600_000, limit: 2 }], getTracker: dpopTracker }),
        ],
        controllers: [countingController()],
        providers,
      });

    void test('with DpopGuard first, each key has its own count, whatever token it is used with', async () => {
      const url = await throttled(DPOP_FIRST);
      const renewed = await issuer.issueToken({ client });
      const calls = [{ bearer: token }, { bearer: renewed }, { bearer: token }];
      assert.deepEqual(await statusesOf(url, ...calls), [200, 200, 429]);
      assert.equal(runs, 2);
      assert.equal((await call(url, { holder: other, bearer: tokenOfOther })).status, 200);
    });

    void test('with DpopGuard first, a thief cannot use up the count of a key that it does not hold', async () => {
      const url = await throttled(DPOP_FIRST);
      const thief = { holder: other, bearer: token };
      assert.deepEqual(await statusesOf(url, thief, thief, thief), [401, 401, 401]);
      const own = { bearer: token };
      assert.deepEqual(await statusesOf(url, own, own, own), [200, 200, 429]);
    });

    void test('a request without a verdict counts for its network', async () => {
      const url = await throttled(DPOP_FIRST);
      const open = { path: '/open' };
      assert.deepEqual(await statusesOf(url, open, open, open), [200, 200, 429]);
    });

    void test('with ThrottlerGuard first, refused requests count too, and all clients of a network together', async () => {
      const url = await throttled(DPOP_FIRST.toReversed());
      assert.deepEqual(await statusesOf(url, {}, { bearer: token }), [401, 200]);
      assert.equal((await call(url, { holder: other, bearer: tokenOfOther })).status, 429);
      assert.equal(runs, 1);
    });
  });

  void test(`nestjs-cls: a service finds the verdict of its own request on ${platform}`, async () => {
    class AuditService {
      constructor(cls) {
        this.cls = cls;
      }
      get verdict() {
        return getDpopVerdict(this.cls.get(CLS_REQ));
      }
    }
    inject(AuditService, ClsService);
    const early = [];
    class EarlyGuard {
      constructor(audit) {
        this.audit = audit;
      }
      canActivate() {
        early.push(this.audit.verdict);
        return true;
      }
    }
    inject(EarlyGuard, AuditService);
    class AuditedController {
      constructor(audit) {
        this.audit = audit;
      }
      async read() {
        await turn();
        return { jkt: this.audit.verdict.jkt, subject: this.audit.verdict.subject };
      }
    }
    inject(AuditedController, AuditService);
    onMethod(AuditedController, 'read', Get(), UseGuards(EarlyGuard, DpopGuard));
    const url = await start(platform, {
      imports: [ClsModule.forRoot({ global: true, middleware: { mount: true } })],
      controllers: [decorate(AuditedController, Controller())],
      providers: [AuditService],
    });
    // At the same time: neither sees the verdict of the other.
    const answers = await Promise.all([
      call(url, { bearer: token }),
      call(url, { holder: other, bearer: tokenOfOther }),
      call(url),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 401],
    );
    assert.deepEqual(JSON.parse(answers[0].text), { jkt: client.jkt, subject: 'user' });
    assert.deepEqual(JSON.parse(answers[1].text), { jkt: other.jkt, subject: 'bob' });
    assert.deepEqual(early, [undefined, undefined, undefined]);
  });

  void describe(`@nest-lab/or-guard on ${platform}`, () => {
    class ApiKeyGuard {
      canActivate(context) {
        return context.switchToHttp().getRequest().headers['x-api-key'] === 'right';
      }
    }
    inject(ApiKeyGuard);

    class ApiKeyChallengeFilter extends BaseExceptionFilter {
      constructor({ httpAdapter }) {
        super(httpAdapter);
      }
      catch(refusal, host) {
        if (refusal.getStatus() === 401) {
          const response = host.switchToHttp().getResponse();
          this.applicationRef.setHeader(response, 'WWW-Authenticate', 'ApiKey realm="accounts"');
        }
        // oxlint-disable-next-line promise/valid-params -- It is the method of a filter.
        super.catch(refusal, host);
      }
    }
    inject(ApiKeyChallengeFilter, HttpAdapterHost);
    decorate(ApiKeyChallengeFilter, Catch(DpopHttpException));

    const EITHER = OrGuard([ApiKeyGuard, DpopGuard], {
      throwError: (errors) => errors.find((error) => error instanceof DpopHttpException),
    });
    const startEither = (
      controller = countingController(UseGuards(EITHER), UseFilters(ApiKeyChallengeFilter)),
    ) => start(platform, { controllers: [controller], providers: [ApiKeyGuard] });

    void test('a request with one of both passes, and its response has no trace of the other', async () => {
      const url = await startEither();
      const answers = [
        await call(url, { headers: { 'x-api-key': 'right' } }),
        await call(url, { bearer: token }),
      ];
      for (const { status, challenge } of answers)
        assert.deepEqual({ status, challenge }, { status: 200, challenge: null });
      assert.equal(runs, 2);
    });

    void test('a request with neither gets both challenges', async () => {
      const url = await startEither();
      for (const headers of [{}, { 'x-api-key': 'wrong' }]) {
        const { status, challenge } = await call(url, { headers });
        assert.equal(status, 401);
        assert.match(challenge, /^ApiKey realm="accounts", DPoP algs="/);
      }
      assert.equal(runs, 0);
    });

    void test('a key guard that answers at once and comes first leaves no refusal on the decision channel', async () => {
      const url = await startEither();
      assert.deepEqual(await decisionsOf(() => call(url, { headers: { 'x-api-key': 'right' } })), []);
    });

    void test('beside one that answers later DpopGuard runs too: the request passes, and a refusal is on the channel', async () => {
      class LateKeyGuard extends ApiKeyGuard {
        async canActivate(context) {
          await turn();
          return super.canActivate(context);
        }
      }
      const late = OrGuard([inject(LateKeyGuard), DpopGuard]);
      const url = await start(platform, {
        controllers: [countingController(UseGuards(late))],
        providers: [LateKeyGuard],
      });
      const decisions = await decisionsOf(async () => {
        const { status, challenge } = await call(url, { headers: { 'x-api-key': 'right' } });
        assert.deepEqual({ status, challenge }, { status: 200, challenge: null });
      });
      assert.deepEqual(decisions, [{ outcome: 'refused', code: 'credentials_missing' }]);
    });

    void test('the check at start does not see DpopGuard within OrGuard', async () => {
      class ScopedController {
        read() {
          return 'read';
        }
      }
      onMethod(ScopedController, 'read', Get(), RequireScopes('read'), UseGuards(EITHER));
      const failure = await startEither(decorate(ScopedController, Controller())).catch((error) => error);
      assert.match(failure.message, /ScopedController\.read/);
    });
  });
}
