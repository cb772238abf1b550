// What an operator uses of the packed package: report mode, trial, metrics, and the testing kit. Runs next to one version of
// Nest: see .ci/nest-versions.mjs.
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  Dpop,
  DPOP_DECISION_CHANNEL,
  DPOP_DIFFERENCE_CHANNEL,
  DpopBound,
  DpopGuard,
  DpopModule,
  MemoryReplayStore,
  RequireScopes,
} from 'nestjs-dpop';
import { DpopTelemetry } from 'nestjs-dpop/opentelemetry';
import {
  nonceServiceChecks,
  replayStoreChecks,
  TestClient,
  TestGuard,
  TestIssuer,
} from 'nestjs-dpop/testing';
import { decorate, onMethod, onParameter } from './by-hand.mjs';

const ORIGIN = 'https://api.example.com';
const PLATFORMS = ['express', 'fastify'];

let issuer;
let client;
let token;

before(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

const running = [];
after(() => Promise.all(running.map((app) => app.close())));

class RolledOutController {
  read(jkt, verdictHolds) {
    return { jkt: jkt ?? 'none', verdictHolds };
  }
  write() {
    return 'written';
  }
  open(jkt) {
    return { jkt: jkt ?? 'none' };
  }
}
onMethod(RolledOutController, 'read', Get());
onParameter(RolledOutController, 'read', 0, DpopBound());
onParameter(RolledOutController, 'read', 1, DpopBound('enforced'));
onMethod(
  RolledOutController,
  'write',
  Get('write'),
  RequireScopes('write'),
  Dpop({ enforcement: 'enforce' }),
);
onMethod(RolledOutController, 'open', Get('open'), Dpop({ anonymous: 'allow', enforcement: 'enforce' }));
onParameter(RolledOutController, 'open', 0, DpopBound());
decorate(RolledOutController, UseGuards(DpopGuard), Controller());

function moduleOf(dpop) {
  class RootModule {}
  const options = { origin: ORIGIN, accessToken: issuer.accessToken, ...dpop };
  return decorate(
    RootModule,
    Module({ imports: [DpopModule.forRoot(options)], controllers: [RolledOutController] }),
  );
}

const adapterOf = (platform) =>
  platform === 'express' ? new ExpressAdapter() : new FastifyAdapter({ forceCloseConnections: true });

async function start(platform, dpop) {
  const app = await NestFactory.create(moduleOf(dpop), adapterOf(platform), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  running.push(app);
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

async function call(url, path = '/', bearer) {
  const headers =
    bearer === undefined
      ? {}
      : await client.createHeaders({ method: 'GET', url: ORIGIN + path, token: bearer });
  const response = await fetch(url + path, { headers });
  return { status: response.status, text: await response.text() };
}

async function publishedOn(channel, act) {
  const messages = [];
  const keep = (message) => void messages.push(message);
  subscribe(channel, keep);
  try {
    await act();
    for (let times = 0; times < 20; times += 1) await turn();
  } finally {
    unsubscribe(channel, keep);
  }
  return messages;
}

for (const platform of PLATFORMS) {
  void describe(`a roll-out on ${platform}`, () => {
    void test('report mode refuses nothing, and tells what it would refuse', async () => {
      const url = await start(platform, { enforcement: 'report' });
      const decisions = await publishedOn(DPOP_DECISION_CHANNEL, async () => {
        assert.deepEqual(await call(url), { status: 200, text: '{"jkt":"none","verdictHolds":false}' });
        assert.equal((await call(url, '/', token)).text, `{"jkt":"${client.jkt}","verdictHolds":true}`);
      });
      assert.deepEqual(
        decisions.map(({ outcome, enforced, reason }) => [outcome, enforced, reason]),
        [
          ['refused', false, 'credentials_missing'],
          ['accepted', true, undefined],
        ],
      );
    });

    void test('a route of it enforces, and one takes requests without credentials', async () => {
      const url = await start(platform, { enforcement: 'report' });
      assert.equal((await call(url, '/write')).status, 401);
      assert.equal((await call(url, '/write', token)).status, 403);
      assert.deepEqual(await call(url, '/open'), { status: 200, text: '{"jkt":"none"}' });
      assert.equal((await call(url, '/open', 'garbage')).status, 401);
    });

    void test('a trial tells whose outcome other options would change', async () => {
      const url = await start(platform, { trial: { proof: { algorithms: ['RS256'] } } });
      const differences = await publishedOn(DPOP_DIFFERENCE_CHANNEL, async () => {
        assert.equal((await call(url, '/', token)).status, 200);
      });
      assert.deepEqual(
        differences.map(({ present, trial }) => [present.outcome, trial.reason]),
        [['accepted', 'proof_alg']],
      );
    });

    void test('metrics reach Prometheus, without a secret', async () => {
      const exporter = new PrometheusExporter({ preventServerStart: true });
      const telemetry = new DpopTelemetry({ meterProvider: new MeterProvider({ readers: [exporter] }) });
      telemetry.start();
      try {
        const url = await start(platform, {});
        await call(url, '/', token);
        await call(url);
      } finally {
        telemetry.stop();
      }
      const text = await scrape(exporter);
      assert.match(text, /dpop_decisions_total\{.*dpop_outcome="accepted".*\} 1/);
      assert.match(text, /dpop_decisions_total\{.*dpop_reason="credentials_missing".*\} 1/);
      assert.match(text, /dpop_verification_duration/);
      assert.ok(!text.includes(token) && !text.includes(client.jkt));
    });
  });
}

async function scrape(exporter) {
  const chunks = [];
  await new Promise((resolve) => {
    exporter.getMetricsRequestHandler(
      {},
      { statusCode: 0, setHeader: () => undefined, end: (chunk) => resolve(chunks.push(chunk)) },
    );
  });
  return chunks.join('');
}

void describe('the testing kit', () => {
  void test('TestGuard takes the place of DpopGuard', async () => {
    const guard = new TestGuard({ subject: 'alice', scopes: ['write'] });
    const testing = await Test.createTestingModule({ imports: [moduleOf({})] })
      .overrideGuard(DpopGuard)
      .useValue(guard)
      .compile();
    const app = testing.createNestApplication(adapterOf('express'), { logger: false });
    running.push(app);
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    assert.deepEqual(await call(url, '/write'), { status: 200, text: 'written' });
    guard.use({ subject: 'bob', scopes: [] });
    assert.equal((await call(url, '/write')).status, 403);
    guard.use(undefined);
    assert.equal((await call(url, '/write')).status, 401);
  });

  const store = () => new MemoryReplayStore({ afterDataLoss: 'challenge' });
  for (const { name, run } of replayStoreChecks({ open: store, shared: false, lose: store }))
    void test(`a replay store: ${name}`, run);

  void test('a replay store that forgets fails', async () => {
    class Forgetful extends MemoryReplayStore {
      claim() {
        return 'first';
      }
    }
    const outcomes = await Promise.allSettled(
      replayStoreChecks({ open: () => new Forgetful(), shared: false }).map(async ({ run }) => await run()),
    );
    assert.ok(outcomes.some(({ status }) => status === 'rejected'));
  });

  void test('nonce services have checks, too', () => {
    assert.equal(typeof nonceServiceChecks, 'function');
  });
});
