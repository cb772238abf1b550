import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import {
  type AccessTokenOption,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopRequest,
  fapi2,
  type JwtAccessTokenOptions,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { BareIssuer } from './support/bare-issuer.js';
import { call, UNAVAILABLE } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { OpaqueTokens } from './support/opaque-tokens.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

let handled: string[] = [];

@UseGuards(DpopGuard)
@Controller()
class AccountsController {
  @Get()
  read(@DpopBound('issuer') issuer: string): string {
    handled.push(issuer);
    return issuer;
  }
}

/** The tenant of a request is what stands in this field. */
const tenantOf = ({ rawHeaders }: DpopRequest): string => {
  const at = rawHeaders.findIndex((text) => text.toLowerCase() === 'x-tenant');
  return at === -1 ? 'none' : (rawHeaders[at + 1] ?? '');
};

const UNTRUSTED = { status: 401, code: 'invalid_token', nonce: null };

describe.each(PLATFORMS)('issuers that are resolved at run time on %s (B10)', (platform) => {
  const clock = new HandClock();
  const logs = new LogCollector();
  const closing: { close(): Promise<void> }[] = [];
  let client: TestClient;

  beforeEach(async () => {
    client = await TestClient.create({ clock: clock.read });
    handled = [];
    logs.lines.length = 0;
  });

  afterEach(async () => {
    await closeApps();
    await Promise.all(closing.splice(0).map((server) => server.close()));
  });

  async function start(accessToken: AccessTokenOption | readonly AccessTokenOption[]): Promise<RunningApp> {
    const options = { origin: ORIGIN, accessToken, clock: clock.read };
    const module = createRootModule({ dpop: DpopModule.forRoot(options), controllers: [AccountsController] });
    return await startApp(platform, module, { logger: logs });
  }

  const create = (issuer: string) => TestIssuer.create({ issuer, clock: clock.read });

  /** A directory of issuers, and the lookups in it. */
  function directory(issuers: Readonly<Record<string, JwtAccessTokenOptions>>) {
    const lookups: string[] = [];
    const resolveIssuer = async (issuer: string, tenant: string) => {
      lookups.push(`${tenant} ${issuer}`);
      return await Promise.resolve(Object.hasOwn(issuers, issuer) ? issuers[issuer] : undefined);
    };
    return { lookups, resolveIssuer };
  }

  async function expectAccepted(app: RunningApp, token: string, headers = {}): Promise<void> {
    const before = handled.length;
    expect(await call(app, client, { token, headers })).toMatchObject({ status: 200 });
    expect(handled).toHaveLength(before + 1);
  }

  async function expectRefused(app: RunningApp, token: string, answer: object, headers = {}): Promise<void> {
    const before = handled.length;
    expect(await call(app, client, { token, headers })).toMatchObject(answer);
    expect(handled).toHaveLength(before);
  }

  test('each token is verified with the options that its issuer resolves to; an unknown issuer is 401', async () => {
    const [one, other, stranger] = [
      await create('https://a.test'),
      await create('https://b.test'),
      await create('https://c.test'),
    ];
    const { resolveIssuer, lookups } = directory({
      [one.issuer]: one.accessToken,
      [other.issuer]: other.accessToken,
    });
    const app = await start({ resolveIssuer });
    await expectAccepted(app, await one.issueToken({ client }));
    await expectAccepted(app, await other.issueToken({ client }));
    await expectRefused(app, await stranger.issueToken({ client }), UNTRUSTED);
    await expectRefused(app, await one.issueToken({ client, claims: { iss: other.issuer } }), UNTRUSTED);
    await expectRefused(app, await one.issueToken({ client, claims: { iss: undefined } }), UNTRUSTED);
    expect(handled).toEqual([one.issuer, other.issuer]);
    expect(lookups).toEqual([` ${one.issuer}`, ` ${other.issuer}`, ` ${stranger.issuer}`]);
  });

  test('the log says that resolveIssuer does not know the issuer, beside the issuers that are listed', async () => {
    const [listed, stranger] = [await create('https://listed.test'), await create('https://c.test')];
    const resolution = { resolveIssuer: () => undefined };
    const token = await stranger.issueToken({ client });
    await expectRefused(await start(resolution), token, UNTRUSTED);
    expect(logs.text).toMatch(/token_issuer.*resolveIssuer returned undefined for the issuer/);
    expect(logs.text).not.toContain('expected:');
    await expectRefused(await start([listed.accessToken, resolution]), token, UNTRUSTED);
    expect(logs.text).toMatch(/expected: https:\/\/listed\.test; resolveIssuer returned undefined/);
    logs.lines.length = 0;
    await expectRefused(await start(listed.accessToken), token, UNTRUSTED);
    expect(logs.text).toContain('expected: https://listed.test');
    expect(logs.text).not.toContain('resolveIssuer');
  });

  test('issuers that are listed come first, and a verifier of the app gets what nobody knows', async () => {
    const [listed, resolved] = [await create('https://listed.test'), await create('https://resolved.test')];
    const { resolveIssuer, lookups } = directory({ [resolved.issuer]: resolved.accessToken });
    const opaque = new OpaqueTokens(() => ({ iss: 'opaque', cnf: { jkt: client.jkt } }));
    const app = await start([listed.accessToken, { resolveIssuer }, opaque]);
    await expectAccepted(app, await listed.issueToken({ client }));
    await expectAccepted(app, await resolved.issueToken({ client }));
    await expectAccepted(app, 'opaque-token');
    expect(handled).toEqual([listed.issuer, resolved.issuer, 'opaque']);
    expect(lookups).toEqual([` ${resolved.issuer}`]);
  });

  test('with the same kid, client key and jti in two tenants, nothing crosses', async () => {
    const [one, other] = [await create('https://a.test'), await create('https://b.test')];
    const withKid = (issuer: TestIssuer): JwtAccessTokenOptions => ({
      ...issuer.accessToken,
      keys: { keys: issuer.keys.keys.map((key) => ({ ...key, kid: 'same' })) },
    });
    const app = await start({
      resolveIssuer: (issuer, tenant) =>
        issuer === one.issuer && tenant === 'a'
          ? withKid(one)
          : issuer === other.issuer && tenant === 'b'
            ? withKid(other)
            : undefined,
      tenantOf,
    });
    const issue = (issuer: TestIssuer, iss: string) =>
      issuer.issueToken({ client, claims: { iss, jti: 'same' }, header: { kid: 'same' } });
    const [tokenOfA, tokenOfB] = [await issue(one, one.issuer), await issue(other, other.issuer)];
    const [inA, inB] = [{ 'x-tenant': 'a' }, { 'x-tenant': 'b' }];
    // Twice: the second time the token is known.
    for (const time of [1, 2]) {
      await expectAccepted(app, tokenOfA, inA);
      await expectAccepted(app, tokenOfB, inB);
      await expectRefused(app, tokenOfA, UNTRUSTED, inB);
      await expectRefused(app, tokenOfB, UNTRUSTED, inA);
      await expectRefused(app, tokenOfA, UNTRUSTED);
      await expectRefused(app, await issue(one, other.issuer), UNTRUSTED, inB);
      await expectRefused(app, await issue(other, one.issuer), UNTRUSTED, inA);
      expect(handled).toHaveLength(2 * time);
    }
  });

  test('an issuer is looked up once, by many requests at a time, and again when the answer is old', async () => {
    const issuer = await create('https://a.test');
    const { resolveIssuer, lookups } = directory({ [issuer.issuer]: issuer.accessToken });
    const app = await start({ resolveIssuer, lookupMaxAgeSeconds: 60 });
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.issueToken({ client })));
    await Promise.all(tokens.map((token) => expectStatus(app, token, 200)));
    expect(lookups).toHaveLength(1);
    clock.advanceSeconds(59);
    await expectAccepted(app, await issuer.issueToken({ client }));
    expect(lookups).toHaveLength(1);
    clock.advanceSeconds(1);
    await Promise.all(tokens.map((token) => expectStatus(app, token, 200)));
    expect(lookups).toHaveLength(2);
  });

  async function expectStatus(app: RunningApp, token: string, status: number): Promise<void> {
    expect((await call(app, client, { token })).status).toBe(status);
  }

  test('a known token of an issuer that is no longer trusted is refused once the answer is old', async () => {
    const issuer = await create('https://a.test');
    const trusted = new Map([[issuer.issuer, issuer.accessToken]]);
    const app = await start({ resolveIssuer: (name) => trusted.get(name), lookupMaxAgeSeconds: 60 });
    const token = await issuer.issueToken({ client });
    await expectAccepted(app, token);
    trusted.clear();
    await expectAccepted(app, token);
    clock.advanceSeconds(60);
    await expectRefused(app, token, UNTRUSTED);
    trusted.set(issuer.issuer, issuer.accessToken);
    clock.advanceSeconds(10);
    await expectAccepted(app, token);
  });

  test('options that changed are used once the answer is old, for known tokens, too', async () => {
    const issuer = await create('https://a.test');
    let audience = issuer.audience;
    const app = await start({
      resolveIssuer: () => ({ ...issuer.accessToken, audience }),
      lookupMaxAgeSeconds: 60,
    });
    const token = await issuer.issueToken({ client });
    await expectAccepted(app, token);
    audience = 'https://elsewhere.test';
    clock.advanceSeconds(60);
    await expectRefused(app, token, UNTRUSTED);
  });

  test('an unknown issuer is known after ten seconds', async () => {
    const issuer = await create('https://a.test');
    const trusted = new Map<string, JwtAccessTokenOptions>();
    const app = await start({ resolveIssuer: (name) => trusted.get(name), lookupMaxAgeSeconds: 3600 });
    const token = await issuer.issueToken({ client });
    await expectRefused(app, token, UNTRUSTED);
    trusted.set(issuer.issuer, issuer.accessToken);
    clock.advanceSeconds(9);
    await expectRefused(app, token, UNTRUSTED);
    clock.advanceSeconds(1);
    await expectAccepted(app, token);
  });

  test('an issuer with an outage does not touch another one', async () => {
    const [up, down] = [
      await TestIssuer.listen({ clock: clock.read }),
      await TestIssuer.listen({ clock: clock.read }),
    ];
    closing.push(up, down);
    const { resolveIssuer } = directory({ [up.issuer]: up.accessToken, [down.issuer]: down.accessToken });
    const app = await start({ resolveIssuer });
    down.outageStatus = 500;
    await expectRefused(app, await down.issueToken({ client }), UNAVAILABLE);
    await expectAccepted(app, await up.issueToken({ client }));
    down.outageStatus = undefined;
    clock.advanceSeconds(1);
    await expectAccepted(app, await down.issueToken({ client }));
  });

  test('names that the app does not know fetch nothing, evict no issuer, and are all refused', async () => {
    const issuer = await create('https://a.test');
    const bare = await BareIssuer.listen();
    closing.push(bare);
    const { resolveIssuer, lookups } = directory({ [issuer.issuer]: issuer.accessToken });
    const app = await start({ resolveIssuer, maxIssuers: 2 });
    const token = await issuer.issueToken({ client });
    await expectAccepted(app, token);
    const [header, , signature] = token.split('.');
    const forged = (name: string) =>
      `${header}.${Buffer.from(JSON.stringify({ iss: name })).toString('base64url')}.${signature}`;
    for (let batch = 0; batch < 10; batch += 1) {
      const names = Array.from({ length: 20 }, (_, index) => `${bare.issuer}/${batch}/${index}`);
      const statuses = await Promise.all(
        names.map(async (name) => (await call(app, client, { token: forged(name), proof: 'none' })).status),
      );
      expect(new Set(statuses)).toEqual(new Set([401]));
    }
    expect(bare.asked).toStrictEqual([]);
    expect(lookups).toHaveLength(201);
    await expectAccepted(app, token);
    await expectAccepted(app, await issuer.issueToken({ client }));
    expect(lookups).toHaveLength(201);
  });

  test('a name of more than 1,024 characters is not looked up', async () => {
    const issuer = await create('https://a.test');
    const { resolveIssuer, lookups } = directory({});
    const app = await start({ resolveIssuer });
    const named = (length: number) =>
      issuer.issueToken({ client, claims: { iss: 'https://a.test/'.padEnd(length, 'a') } });
    await expectRefused(app, await named(1025), UNTRUSTED);
    expect(lookups).toStrictEqual([]);
    await expectRefused(app, await named(1024), UNTRUSTED);
    expect(lookups).toHaveLength(1);
  });

  test('no more issuers are kept than maxIssuers; one that was dropped is looked up again', async () => {
    const issuers = await Promise.all(['a', 'b', 'c'].map((name) => create(`https://${name}.test`)));
    const { resolveIssuer, lookups } = directory(
      Object.fromEntries(issuers.map(({ issuer, accessToken }) => [issuer, accessToken])),
    );
    const app = await start({ resolveIssuer, maxIssuers: 2 });
    const tokens = await Promise.all(issuers.map((issuer) => issuer.issueToken({ client })));
    for (const token of [...tokens, ...tokens]) await expectAccepted(app, token);
    expect(lookups).toHaveLength(6);
  });

  const SECRET = 'the secret of the app';
  const explode = (): never => {
    throw new Error(SECRET);
  };
  const good = { issuer: 'https://a.test', audience: 'https://api.test' };
  const failures: readonly (readonly [string, AccessTokenOption, string])[] = [
    ['resolveIssuer throws', { resolveIssuer: explode }, 'resolveIssuer threw an error'],
    [
      'resolveIssuer rejects',
      { resolveIssuer: () => Promise.reject(new Error(SECRET)) },
      'resolveIssuer threw an error',
    ],
    [
      'resolveIssuer does not settle',
      { resolveIssuer: () => new Promise(() => undefined), lookupTimeoutMs: 1 },
      'no answer within lookupTimeoutMs, 1 ms',
    ],
    [
      'resolveIssuer returns null',
      { resolveIssuer: () => null as never },
      'resolveIssuer() must be an object, the options of an issuer: { issuer: "https://auth.example.com", audience: "https://api.example.com" }; or undefined for an issuer that is not trusted',
    ],
    [
      'resolveIssuer returns true',
      { resolveIssuer: () => true as never },
      'resolveIssuer() must be an object, the options of an issuer: { issuer: "https://auth.example.com", audience: "https://api.example.com" }; or undefined for an issuer that is not trusted',
    ],
    [
      'resolveIssuer returns options without audience',
      { resolveIssuer: () => ({ issuer: good.issuer }) as never },
      'resolveIssuer().audience must be',
    ],
    [
      'resolveIssuer returns another issuer',
      { resolveIssuer: () => ({ ...good, issuer: 'https://b.test' }) },
      'the options of another issuer',
    ],
    [
      'resolveIssuer returns an issuer on plain http',
      { resolveIssuer: () => ({ ...good, jwksUri: 'http://keycloak:8080/jwks' }) },
      'http is for loopback only',
    ],
    ['tenantOf throws', { resolveIssuer: () => undefined, tenantOf: explode }, 'tenantOf threw an error'],
    [
      'tenantOf returns nothing',
      { resolveIssuer: () => undefined, tenantOf: () => undefined as never },
      'tenantOf must return a string',
    ],
  ];

  test.each(failures)('%s: 503, closed, and explained', async (_what, accessToken, advice) => {
    const issuer = await create('https://a.test');
    const app = await start(accessToken);
    await expectRefused(app, await issuer.issueToken({ client }), UNAVAILABLE);
    expect(logs.text).toContain('issuer_unavailable');
    expect(logs.text).toContain(advice);
    expect(logs.text).not.toContain(SECRET);
  });

  test('the adviser of an issuer that was found explains a refusal, and that of another tenant does not', async () => {
    const issuer = await create('https://a.test');
    const app = await start({
      resolveIssuer: (_issuer, tenant) => ({
        ...issuer.accessToken,
        advise: () => `switch on DPoP for tenant ${tenant}`,
      }),
      tenantOf,
    });
    await expectRefused(app, await issuer.issueToken(), UNTRUSTED, { 'x-tenant': 'a' });
    expect(logs.text).toMatch(/token_unbound.*switch on DPoP for tenant a /);
    await expectRefused(app, await issuer.issueToken(), UNTRUSTED, { 'x-tenant': 'b' });
    expect(logs.text).toMatch(/token_unbound.*switch on DPoP for tenant b /);
  });

  test('options that contradict fapi2 are a failure of the service', async () => {
    const issuer = await create('https://a.test');
    const wide = { ...issuer.accessToken, algorithms: ['ES256', 'RS256'] };
    const module = createRootModule({
      dpop: DpopModule.forRoot(
        fapi2({ origin: ORIGIN, accessToken: { resolveIssuer: () => wide }, clock: clock.read }),
      ),
      controllers: [AccountsController],
    });
    const app = await startApp(platform, module, { logger: logs });
    await expectRefused(app, await issuer.issueToken({ client }), UNAVAILABLE);
    expect(logs.text).toContain(
      'fapi2() resolveIssuer().algorithms must be an array of PS256, ES256, Ed25519, EdDSA',
    );
    expect(logs.text).not.toContain('threw an error');
  });

  test('a lookup that failed is tried again by the next request', async () => {
    const issuer = await create('https://a.test');
    let isDown = true;
    const app = await start({
      resolveIssuer: () => (isDown ? Promise.reject(new Error(SECRET)) : issuer.accessToken),
    });
    const token = await issuer.issueToken({ client });
    await expectRefused(app, token, UNAVAILABLE);
    isDown = false;
    await expectAccepted(app, token);
  });
});
