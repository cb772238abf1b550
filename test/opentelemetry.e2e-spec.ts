import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { context, diag, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { Dpop, DpopGuard, DpopModule, type DpopModuleOptions, RequireScopes } from 'nestjs-dpop';
import { DpopTelemetry, type DpopTelemetryOptions } from 'nestjs-dpop/opentelemetry';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { ROOT } from './documents/snippets.js';
import { AnsweringStore } from './support/answering-store.js';
import { call, proofFor, send } from './support/call.js';
import { until } from './redis/until.js';
import { withOrigin } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

@Controller()
@UseGuards(DpopGuard)
class AccountsController {
  @Get('accounts/:id')
  read(): string {
    return 'account';
  }

  @Get('transfers')
  @RequireScopes('transfers')
  transfers(): string {
    return 'transfers';
  }

  @Get('reported')
  @Dpop({ enforcement: 'report' })
  reported(): string {
    return 'reported';
  }
}

/** One line of the exposition format. */
interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The metrics of a process, scraped over HTTP as Prometheus does. */
class Prometheus {
  private constructor(
    private readonly exporter: PrometheusExporter,
    readonly provider: MeterProvider,
    private readonly url: string,
  ) {}

  static async listen(): Promise<Prometheus> {
    const port = await freePort();
    const exporter = new PrometheusExporter({ host: '127.0.0.1', port, preventServerStart: true });
    await exporter.startServer();
    const provider = new MeterProvider({ readers: [exporter] });
    return new Prometheus(exporter, provider, `http://127.0.0.1:${port}/metrics`);
  }

  async scrapeText(): Promise<string> {
    return await (await fetch(this.url)).text();
  }

  async scrape(name: string): Promise<readonly Series[]> {
    return parseSeries(await this.scrapeText()).filter((series) => series.name === name);
  }

  async close(): Promise<void> {
    await this.provider.shutdown();
    await this.exporter.shutdown();
  }
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function parseSeries(text: string): readonly Series[] {
  return [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries(
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, label]) => [key, label]),
    ),
    value: Number(value),
  }));
}

const withoutScope = ({ labels, value }: Series): Readonly<Record<string, unknown>> => ({
  ...Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith('otel_scope'))),
  value,
});

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let prometheus: Prometheus;
let telemetry: DpopTelemetry | undefined;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

beforeEach(async () => {
  prometheus = await Prometheus.listen();
});

afterEach(async () => {
  telemetry?.stop();
  telemetry = undefined;
  await closeApps();
  await prometheus.close();
  metrics.disable();
  trace.disable();
  context.disable();
  diag.disable();
});

function startTelemetry(options: DpopTelemetryOptions = {}): void {
  telemetry = new DpopTelemetry({ meterProvider: prometheus.provider, ...options });
  telemetry.start();
}

function start(
  platform: Platform,
  overrides: Partial<DpopModuleOptions> = {},
  before?: Parameters<typeof startApp>[2],
): Promise<RunningApp> {
  const dpop = DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, ...overrides }));
  return startApp(platform, createRootModule({ dpop, controllers: [AccountsController] }), before);
}

const failing = { replayStore: new AnsweringStore(() => Promise.reject(new Error('down'))), shared: true };

describe.each(PLATFORMS)('metrics on %s (D6)', (platform) => {
  test('each decision is counted by outcome, code, reason and enforcement, and by nothing else', async () => {
    startTelemetry();
    const app = await start(platform);
    const down = await start(platform, { storage: failing });
    const tolerant = await start(platform, { storage: failing, onReplayStoreFailure: 'accept-and-report' });
    const proof = await proofFor(client, { path: '/accounts/1', token });
    await call(app, client, { path: '/accounts/1', token, proof });
    await call(app, client, { path: '/accounts/1', token, proof });
    await call(app, client, { path: '/accounts/2', token });
    await call(app, client, { path: '/transfers', token });
    await call(app, client, { path: '/reported' });
    await call(down, client, { path: '/accounts/1', token });
    await call(tolerant, client, { path: '/accounts/1', token });

    const series = (await prometheus.scrape('dpop_decisions_total')).map(withoutScope);
    expect(series).toHaveLength(6);
    expect(series).toEqual(
      expect.arrayContaining([
        { dpop_outcome: 'accepted', dpop_enforced: 'true', value: 2 },
        {
          dpop_outcome: 'accepted',
          dpop_enforced: 'true',
          dpop_reason: 'replay_store_unavailable',
          value: 1,
        },
        {
          dpop_outcome: 'refused',
          dpop_enforced: 'true',
          dpop_code: 'invalid_dpop_proof',
          dpop_reason: 'proof_replayed',
          value: 1,
        },
        {
          dpop_outcome: 'refused',
          dpop_enforced: 'true',
          dpop_code: 'insufficient_scope',
          dpop_reason: 'scope_insufficient',
          value: 1,
        },
        {
          dpop_outcome: 'refused',
          dpop_enforced: 'false',
          dpop_code: 'credentials_missing',
          dpop_reason: 'credentials_missing',
          value: 1,
        },
        {
          dpop_outcome: 'unavailable',
          dpop_enforced: 'true',
          dpop_code: 'temporarily_unavailable',
          dpop_reason: 'replay_store_unavailable',
          value: 1,
        },
      ]),
    );
  });

  test('times are in seconds, in buckets that fit them: of the verification, and of the replay store', async () => {
    startTelemetry();
    const app = await start(platform);
    const down = await start(platform, { storage: failing });
    const proof = await proofFor(client, { path: '/accounts/1', token });
    await call(app, client, { path: '/accounts/1', token, proof });
    await call(app, client, { path: '/accounts/1', token, proof });
    await call(app, client, { path: '/accounts/1' });
    await call(down, client, { path: '/accounts/1', token });

    const counted = await prometheus.scrape('dpop_verification_duration_count');
    expect(counted.map(withoutScope)).toEqual(
      expect.arrayContaining([
        { dpop_outcome: 'accepted', value: 1 },
        { dpop_outcome: 'refused', value: 2 },
        { dpop_outcome: 'unavailable', value: 1 },
      ]),
    );
    const [sum] = await prometheus.scrape('dpop_verification_duration_sum');
    // Milliseconds would be a thousand times as many. A test on loopback ends within a minute.
    expect(sum?.value).toBeGreaterThan(0);
    expect(sum?.value).toBeLessThan(60);
    const buckets = await prometheus.scrape('dpop_verification_duration_bucket');
    expect(buckets.map(({ labels }) => labels['le'])).toEqual(
      expect.arrayContaining(['0.0001', '0.001', '1']),
    );

    const claims = await prometheus.scrape('dpop_replay_store_claim_duration_count');
    expect(claims.map(withoutScope)).toHaveLength(3);
    expect(claims.map(withoutScope)).toEqual(
      expect.arrayContaining([
        { dpop_claim_outcome: 'first', value: 1 },
        { dpop_claim_outcome: 'replayed', value: 1 },
        { dpop_claim_outcome: 'failed', value: 1 },
      ]),
    );
  });

  test('a request whose outcome the options under trial would change is counted, by both outcomes (K1)', async () => {
    startTelemetry();
    const app = await start(platform, { trial: { nonce: 'required' } });
    await call(app, client, { path: '/accounts/1', token });
    await until('the difference is counted', async () => {
      const series = (await prometheus.scrape('dpop_trial_differences_total')).map(withoutScope);
      if (series.length === 0) return false;
      expect(series).toEqual([
        {
          dpop_outcome: 'accepted',
          dpop_trial_outcome: 'refused',
          dpop_trial_code: 'use_dpop_nonce',
          dpop_trial_reason: 'nonce_missing',
          value: 1,
        },
      ]);
      return true;
    });
  });

  test('no number of clients, routes, methods or tokens makes more series than the app has (D5)', async () => {
    startTelemetry({ routeLabels: true, maxClientLabels: 2 });
    const app = await start(platform);
    const secrets: string[] = [token];
    for (let at = 0; at < 40; at += 1) {
      const path = `/accounts/${at}-of-the-client`;
      const own = await issuer.issueToken({ client, claims: { client_id: `client-${at}` } });
      const proof = await proofFor(client, { path, token: own });
      secrets.push(own, proof, ...own.split('.'), ...proof.split('.'));
      await call(app, client, { path, token: own, proof });
      await call(app, client, { path, token: `token-${at}`, proof: `proof-${at}`, method: 'GET' });
      await send(app.url + path, { method: `M${at}` }).catch(() => undefined);
    }
    const series = await prometheus.scrape('dpop_decisions_total');
    expect(series.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThanOrEqual(80);
    const values = (name: string) => [...new Set(series.map(({ labels }) => labels[name]))].filter(Boolean);
    expect(values('http_route')).toEqual(['/accounts/:id']);
    expect(values('http_request_method')).toEqual(['GET']);
    expect(new Set(values('dpop_client_id'))).toEqual(new Set(['_other', 'client-0', 'client-1']));
    expect(series.length).toBeLessThanOrEqual(5);
    const text = await prometheus.scrapeText();
    for (const secret of secrets) expect(text).not.toContain(secret);
    expect(text).not.toContain('of-the-client');
  });
});

describe('the dashboard (D6)', () => {
  const text = readFileSync(join(ROOT, 'docs/grafana-dashboard.json'), 'utf8');
  const dashboard = JSON.parse(text) as {
    readonly title: string;
    readonly schemaVersion: number;
    readonly templating: { readonly list: readonly { readonly name: string }[] };
    readonly panels: readonly {
      readonly id: number;
      readonly title: string;
      readonly gridPos: { readonly w: number; readonly x: number };
      readonly targets: readonly { readonly expr: string; readonly refId: string }[];
    }[];
  };
  const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

  test('names only metrics and labels that a scrape has', async () => {
    startTelemetry({ routeLabels: true, maxClientLabels: 10 });
    const app = await start('express', { trial: { nonce: 'required' } });
    await call(app, client, { path: '/accounts/1', token });
    await call(app, client, { path: '/transfers', token });
    await until('the trial has ended', async () => {
      const [difference] = await prometheus.scrape('dpop_trial_differences_total');
      return difference !== undefined;
    });
    const scraped = parseSeries(await prometheus.scrapeText());
    const known = new Set(scraped.map(({ name }) => name));
    // Prometheus itself adds the job.
    const labels = new Set([...scraped.flatMap((series) => Object.keys(series.labels)), 'job']);

    // This exporter writes no unit into a name; others do.
    const named = queries.flatMap((query) => [
      ...(query.match(/\bdpop_[a-z_]+(?=\{)/g) ?? []),
      ...[...query.matchAll(/__name__=~"([^"]+)"/g)].map(([, pattern = '']) => pattern),
    ]);
    expect(new Set(named).size).toBeGreaterThanOrEqual(5);
    expect(named).toHaveLength(queries.flatMap((query) => query.match(/\[/g) ?? []).length);
    const isScraped = (name: string) => [...known].some((metric) => new RegExp(`^(?:${name})$`).test(metric));
    expect(named.filter((name) => !isScraped(name))).toStrictEqual([]);
    const used = queries.flatMap((query) => [
      ...[...query.matchAll(/\b(?!__)([a-z_]+)(?:=~|!=|=)"/g)].map(([, label = '']) => label),
      ...[...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
    ]);
    expect(new Set(used).size).toBeGreaterThanOrEqual(8);
    expect(used.filter((label) => !labels.has(label))).toStrictEqual([]);
    expect(text).toContain('label_values(dpop_decisions_total, job)');
  });

  test('is whole: each query is balanced, each panel has its place and its name', () => {
    expect(dashboard).toMatchObject({ title: 'nestjs-dpop', schemaVersion: 39 });
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job']);
    for (const query of queries) {
      for (const [open, close] of ['()', '{}', '[]'].map((pair) => [...pair]))
        expect(query.split(open ?? '')).toHaveLength(query.split(close ?? '').length);
    }
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    expect(panels.every(({ gridPos }) => gridPos.x + gridPos.w <= 24)).toBe(true);
  });
});

describe.each(PLATFORMS)('spans on %s (D6)', (platform) => {
  let spans: InMemorySpanExporter;

  beforeEach(() => {
    spans = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
    trace.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });

  /** As the instrumentation of HTTP does: a span for each request, active while it is served. */
  const traced: Parameters<typeof startApp>[2] = {
    before: (nest) =>
      nest.use(
        (_request: unknown, response: { on: (name: string, end: () => void) => void }, next: () => void) => {
          trace.getTracer('test').startActiveSpan('request', (span) => {
            response.on('close', () => span.end());
            next();
          });
        },
      ),
  };

  async function spansOf(act: (app: RunningApp) => Promise<unknown>): Promise<readonly ReadableSpan[]> {
    const app = await start(platform, {}, traced);
    await act(app);
    await app.close();
    return spans.getFinishedSpans();
  }

  test('the span of the request has the decision, and whose request it was', async () => {
    startTelemetry();
    const other = await issuer.issueToken({ client, claims: { client_id: 'other' } });
    const finished = await spansOf(async (app) => {
      // At the same time: each decision belongs to the span of its own request.
      await Promise.all([
        call(app, client, { path: '/accounts/1', token }),
        call(app, client, { path: '/accounts/2', token: other }),
      ]);
    });
    const owners = finished.map(({ attributes }) => attributes['dpop.client_id']);
    expect(new Set(owners)).toEqual(new Set(['client', 'other']));
    expect(finished.find(({ attributes }) => attributes['dpop.client_id'] === 'client')).toMatchObject({
      status: { code: 0 },
      attributes: {
        'dpop.outcome': 'accepted',
        'dpop.enforced': true,
        'dpop.issuer': issuer.issuer,
        'dpop.jkt': client.jkt,
        'dpop.replay_checked': true,
        'dpop.revocation_checked': true,
      },
      events: [
        {
          name: 'dpop.decision',
          attributes: {
            'dpop.outcome': 'accepted',
            'http.request.method': 'GET',
            'http.route': '/accounts/:id',
            'dpop.handler': 'AccountsController.read',
            'dpop.duration': expect.any(Number) as unknown,
          },
        },
      ],
    });
  });

  test('a refusal is no error of the server, and shows no secret (D5)', async () => {
    startTelemetry();
    const proof = await proofFor(client, {
      path: '/accounts/1',
      token,
      claims: { iat: 1, jti: 'a-secret-jti' },
    });
    const finished = await spansOf((app) => call(app, client, { path: '/accounts/1', token, proof }));
    expect(finished).toMatchObject([
      {
        status: { code: 0 },
        attributes: {
          'dpop.outcome': 'refused',
          'dpop.code': 'invalid_dpop_proof',
          'dpop.reason': 'proof_stale',
        },
        events: [
          { name: 'dpop.decision', attributes: { 'dpop.off_by_seconds': expect.any(Number) as unknown } },
        ],
      },
    ]);
    const text = JSON.stringify(finished.map(({ attributes, events }) => ({ attributes, events })));
    for (const secret of [token, proof, 'a-secret-jti', ...token.split('.'), ...proof.split('.')])
      expect(text).not.toContain(secret);
  });

  test('with spans: false, or without an active span, only metrics are written', async () => {
    startTelemetry({ spans: false });
    const finished = await spansOf((app) => call(app, client, { path: '/accounts/1', token }));
    expect(finished).toMatchObject([{ attributes: {}, events: [] }]);
    expect(Object.keys(finished[0]?.attributes ?? {})).toStrictEqual([]);
    telemetry?.stop();
    startTelemetry();
    const bare = await start(platform);
    expect(await call(bare, client, { path: '/accounts/1', token })).toMatchObject({ status: 200 });
    const [counted] = await prometheus.scrape('dpop_decisions_total');
    expect(counted?.value).toBe(2);
  });
});

describe('DpopTelemetry (D6)', () => {
  test('counts from start to stop, once however often it is started, and takes the global provider', async () => {
    metrics.setGlobalMeterProvider(prometheus.provider);
    telemetry = new DpopTelemetry();
    const app = await start('express');
    const count = async () => (await prometheus.scrape('dpop_decisions_total'))[0]?.value;
    await call(app, client, { path: '/accounts/1', token });
    expect(await count()).toBeUndefined();
    telemetry.start();
    telemetry.start();
    await call(app, client, { path: '/accounts/1', token });
    expect(await count()).toBe(1);
    telemetry.stop();
    telemetry.stop();
    await call(app, client, { path: '/accounts/1', token });
    expect(await count()).toBe(1);
    telemetry.start();
    await call(app, client, { path: '/accounts/1', token });
    expect(await count()).toBe(2);
  });

  test('a failing SDK neither ends the process nor the request, and is told to the diagnostics of OpenTelemetry', async () => {
    const told: string[] = [];
    const keep = (message: string): void => void told.push(message);
    diag.setLogger({ error: keep, warn: keep, info: () => {}, debug: () => {}, verbose: () => {} });
    const broken = () => {
      throw new Error('a-secret of the SDK');
    };
    const { provider } = prometheus;
    const meterProvider = {
      getMeter: (...names: Parameters<typeof provider.getMeter>) => {
        const meter = provider.getMeter(...names);
        return Object.assign(Object.create(meter) as typeof meter, {
          createCounter: () => ({ add: broken }),
        });
      },
    };
    startTelemetry({ meterProvider });
    const app = await start('express');
    expect(await call(app, client, { path: '/accounts/1', token })).toMatchObject({ status: 200 });
    expect(told).toEqual(['nestjs-dpop: the OpenTelemetry SDK failed to record a decision']);
  });

  test.each([
    [null, /options must be an object/],
    [{ clients: 3 }, /no option "clients"/],
    [{ maxClientLabels: 1001 }, /maxClientLabels must be an integer from 0 to 1000/],
    [{ maxClientLabels: '5' }, /maxClientLabels/],
    [{ routeLabels: 'yes' }, /routeLabels must be true or false/],
    [{ spans: 1 }, /spans must be true or false/],
    [{ meterProvider: null }, /meterProvider must be a MeterProvider/],
    [{ meterProvider: {} }, /meterProvider must be a MeterProvider/],
  ])('refuses the options %j (I4)', (options, message) => {
    expect(() => new DpopTelemetry(options as never)).toThrow(TypeError);
    expect(() => new DpopTelemetry(options as never)).toThrow(message);
  });
});
