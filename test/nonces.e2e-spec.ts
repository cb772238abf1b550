import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { Dpop, DpopGuard, DpopModule, type DpopModuleOptions, NonceService } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, type Call, proofFor } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { ORIGIN } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

/** The default life of a nonce, and of a window. */
const WINDOW = 120;
/** §8.1: NQCHAR. */
const NQCHARS = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

@UseGuards(DpopGuard)
@Controller()
class NonceController {
  @Get()
  asTheServiceHasIt(): string {
    return 'service';
  }

  @Dpop({ nonce: 'required' })
  @Get('required')
  required(): string {
    return 'required';
  }

  @Dpop({ nonce: 'off' })
  @Get('off')
  off(): string {
    return 'off';
  }

  @UseGuards(DpopGuard, DpopGuard)
  @Get('thrice')
  thrice(): string {
    return 'thrice';
  }
}

describe.each(PLATFORMS)('nonces on %s', (platform: Platform) => {
  let clock: HandClock;
  let issuer: TestIssuer;
  let client: TestClient;
  let token: string;

  beforeEach(async () => {
    clock = HandClock.atWindow(WINDOW);
    issuer = await TestIssuer.create({ clock: clock.read });
    client = await TestClient.create({ clock: clock.read });
    token = await issuer.issueToken({ client, expiresInSeconds: 100_000 });
  });

  afterEach(closeApps);

  async function start(overrides: Partial<DpopModuleOptions> = {}): Promise<RunningApp> {
    const options = { origin: ORIGIN, accessToken: issuer.accessToken, clock: clock.read, ...overrides };

    @Module({ imports: [DpopModule.forRoot(options)], controllers: [NonceController] })
    class AppModule {}

    return await startApp(platform, AppModule);
  }

  const get = (app: RunningApp, parts: Call = {}): Promise<Answer> => call(app, client, { token, ...parts });

  /** What every demand for a nonce looks like (E2, D4, D7); returns the nonce it hands out. */
  function expectDemand(answer: Answer): string {
    expect(answer).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    expect(answer.challenge).toMatch(
      /^DPoP (realm="[^"]*", )?error="use_dpop_nonce", error_description="[^"]+", algs="[^"]+"$/,
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('access-control-expose-headers')).toBe('DPoP-Nonce, WWW-Authenticate');
    // Two headers would be joined with a comma and a space.
    expect(answer.nonce).toMatch(/^[\w-]{20,80}$/);
    return answer.nonce ?? '';
  }

  describe('off or required (E1)', () => {
    test('off: a proof without a nonce passes, and none is handed out', async () => {
      const app = await start();
      expect(await get(app)).toMatchObject({ status: 200, nonce: null });
      expect(await get(app, { path: '/off' })).toMatchObject({ status: 200, nonce: null });
    });

    test.each([['required' as const], [{ mode: 'required' as const }]])(
      '%j: every proof needs one',
      async (nonce) => {
        const app = await start({ nonce });
        expectDemand(await get(app));
        expectDemand(await get(app));
      },
    );

    test('a route may require them where the service does not, and the other way round', async () => {
      const off = await start();
      expectDemand(await get(off, { path: '/required' }));
      const required = await start({ nonce: 'required' });
      expect(await get(required, { path: '/off' })).toMatchObject({ status: 200 });
    });

    test('a proof that carries one must carry a good one, also where they are off', async () => {
      const app = await start();
      const nonce = expectDemand(await get(app, { nonce: 'made-up' }));
      expect(await get(app, { nonce })).toMatchObject({ status: 200 });
      expectDemand(await get(app, { path: '/off', nonce: '' }));
    });
  });

  describe('refused nonces (E2)', () => {
    test('one that is missing, unknown, tampered with or expired is answered with one that works', async () => {
      const app = await start({ nonce: 'required' });
      const old = expectDemand(await get(app));
      clock.advanceSeconds(2 * WINDOW);
      const tampered = (old.startsWith('A') ? 'B' : 'A') + old.slice(1);
      for (const nonce of [undefined, '', 'unknown', tampered, old, `${old}=`, ` ${old}`, old.repeat(2)]) {
        const fresh = expectDemand(await get(app, nonce === undefined ? {} : { nonce }));
        expect(await get(app, { nonce: fresh })).toMatchObject({ status: 200 });
      }
    });

    test('a client that does as §8 says is served with one retry', async () => {
      const app = await start({ nonce: 'required', origin: 'request' });
      const response = await client.fetch(`${app.url}/`, { token });
      expect(response.status).toBe(200);
      clock.advanceSeconds(10 * WINDOW);
      expect((await client.fetch(`${app.url}/`, { token })).status).toBe(200);
    });

    test('a refused nonce does not spend the jti', async () => {
      const app = await start({ nonce: 'required' });
      const claims = { jti: 'the-same-in-all' };
      const fresh = expectDemand(await get(app, { claims }));
      expectDemand(await get(app, { claims, nonce: 'unknown' }));
      expect(await get(app, { claims, nonce: fresh })).toMatchObject({ status: 200 });
      expect(await get(app, { claims, nonce: fresh })).toMatchObject({
        status: 401,
        code: 'invalid_dpop_proof',
      });
    });

    test('the demand is a lone DPoP challenge, also where Bearer is offered beside it (D4)', async () => {
      const app = await start({ nonce: 'required', bearer: 'allow-unbound', realm: 'bank' });
      const answer = await get(app);
      expectDemand(answer);
      expect(answer.challenge).not.toContain('Bearer');
    });

    test('nobody without a bound token is given a nonce', async () => {
      const app = await start({ nonce: 'required' });
      const unbound = await issuer.issueToken();
      const thief = await TestClient.create({ clock: clock.read });
      for (const answer of [
        await call(app, client),
        await call(app, client, { token: unbound }),
        await call(app, thief, { token }),
        await call(app, client, { token: `${token}x` }),
      ]) {
        expect(answer).toMatchObject({ status: 401, nonce: null });
        expect(answer.code).not.toBe('use_dpop_nonce');
      }
    });
  });

  describe('what a nonce is (E3)', () => {
    test('of the alphabet of §8.1, and a few dozen characters long', async () => {
      const nonce = expectDemand(await get(await start({ nonce: 'required' })));
      expect(nonce).toMatch(NQCHARS);
      expect(nonce.length).toBeGreaterThanOrEqual(24);
      expect(nonce.length).toBeLessThanOrEqual(64);
    });

    test('of one process, unless a secret is shared', async () => {
      const first = await start({ nonce: 'required' });
      const second = await start({ nonce: 'required' });
      const nonce = expectDemand(await get(first));
      expect(await get(first, { nonce })).toMatchObject({ status: 200 });
      expect(expectDemand(await get(second, { nonce }))).not.toBe(nonce);
    });

    test('changed in any one character it is unknown', async () => {
      const app = await start({ nonce: 'required' });
      const nonces = app.nest.get(NonceService);
      const nonce = nonces.issue();
      expect(nonces.check(nonce)).toBeDefined();
      for (let at = 0; at < nonce.length; at += 1) {
        for (const other of ['A', 'B', '_', '/', '.']) {
          if (nonce[at] === other) continue;
          expect(nonces.check(nonce.slice(0, at) + other + nonce.slice(at + 1))).toBeUndefined();
        }
      }
      expect(nonces.check(nonce.slice(1))).toBeUndefined();
      expect(nonces.check(`${nonce}A`)).toBeUndefined();
    });

    test('of another realm, origin, issuer or audience it is refused, the secret being the same', async () => {
      const secret = randomBytes(32);
      const nonce = { mode: 'required', secret } as const;
      const home = await start({ nonce });
      const own = expectDemand(await get(home));
      const neighbours: readonly (readonly [Partial<DpopModuleOptions>, string?])[] = [
        [{ realm: 'other' }],
        [{ origin: [ORIGIN, 'https://b.example.com'] }],
        [{ origin: 'https://other.example.com' }, 'https://other.example.com'],
        [{ accessToken: { ...issuer.accessToken, audience: [issuer.audience, 'b'] } }],
        [{ accessToken: [issuer.accessToken, { issuer: 'https://b.example.com', audience: 'b' }] }],
      ];
      for (const [difference, origin = ORIGIN] of neighbours) {
        const neighbour = await start({ nonce, ...difference });
        const foreign = expectDemand(await get(neighbour, { nonce: own, origin }));
        expect(await get(neighbour, { nonce: foreign, origin })).toMatchObject({ status: 200 });
        expectDemand(await get(home, { nonce: foreign }));
      }
    });
  });

  describe('windows (E4)', () => {
    const secret = randomBytes(32);
    const nonce = { mode: 'required', secret } as const;

    /** A replica of the same service whose clock is ahead or behind. */
    const replica = (seconds: number) => start({ nonce, clock: () => clock.ms + seconds * 1000 });

    test('a nonce of the present and of the previous window is good, an older one is not', async () => {
      const app = await start({ nonce });
      clock.advanceSeconds(WINDOW - 1);
      const late = expectDemand(await get(app));
      clock.advanceSeconds(1);
      const early = expectDemand(await get(app));
      expect(await get(app, { nonce: late })).toMatchObject({ status: 200 });
      clock.advanceSeconds(WINDOW - 0.001);
      expect(await get(app, { nonce: late })).toMatchObject({ status: 200 });
      clock.advanceSeconds(0.001);
      expectDemand(await get(app, { nonce: late }));
      expect(await get(app, { nonce: early })).toMatchObject({ status: 200 });
      clock.advanceSeconds(WINDOW);
      expectDemand(await get(app, { nonce: early }));
    });

    test('a nonce of a replica that is one window ahead is good, of one two ahead it is not', async () => {
      const app = await start({ nonce });
      const issueAt = async (seconds: number) => (await replica(seconds)).nest.get(NonceService).issue();
      expect(await get(app, { nonce: await issueAt(WINDOW) })).toMatchObject({ status: 200 });
      expectDemand(await get(app, { nonce: await issueAt(2 * WINDOW) }));
    });

    test('a fresh one rides on a success before the old one runs out, and then is good', async () => {
      const app = await start({ nonce });
      const first = expectDemand(await get(app));
      clock.advanceSeconds(WINDOW - 1);
      expect(await get(app, { nonce: first })).toMatchObject({ status: 200, nonce: null });
      clock.advanceSeconds(1);
      const success = await get(app, { nonce: first });
      expect(success.status).toBe(200);
      expect(success.nonce).toMatch(/^[\w-]{20,80}$/);
      expect(success.nonce).not.toBe(first);
      expect(success.headers.get('cache-control')).toBe('no-store');
      expect(success.headers.get('access-control-expose-headers')).toContain('DPoP-Nonce');
      clock.advanceSeconds(WINDOW);
      expect(await get(app, { nonce: success.nonce ?? '' })).toMatchObject({ status: 200 });
    });

    test('a success without a fresh nonce has none of these headers (D7)', async () => {
      const app = await start({ nonce });
      const { headers } = await get(app, { nonce: expectDemand(await get(app)) });
      for (const name of [
        'dpop-nonce',
        'cache-control',
        'access-control-expose-headers',
        'www-authenticate',
      ]) {
        expect(headers.get(name)).toBeNull();
      }
    });

    test('exactly one header, however often the guard is bound', async () => {
      const app = await start({ nonce });
      const first = expectDemand(await get(app, { path: '/thrice' }));
      clock.advanceSeconds(WINDOW);
      const { status, nonce: fresh } = await get(app, { path: '/thrice', nonce: first });
      expect(status).toBe(200);
      expect(fresh).toMatch(/^[\w-]{20,80}$/);
    });

    test('a client that comes once in a window is never challenged again', async () => {
      const app = await start({ nonce });
      let present = expectDemand(await get(app));
      for (let visit = 0; visit < 20; visit += 1) {
        clock.advanceSeconds(WINDOW - 1);
        const answer = await get(app, { nonce: present });
        expect(answer.status).toBe(200);
        present = answer.nonce ?? present;
      }
    });
  });

  describe('secrets (E5, E6)', () => {
    const required = (secret: string | Uint8Array | readonly (string | Uint8Array)[]) =>
      ({ nonce: { mode: 'required', secret } }) as const;

    test('instances with the same secret accept the nonces of each other, also after a restart (E5)', async () => {
      const secret = randomBytes(32);
      const first = await start(required(secret));
      const second = await start(required(secret));
      const nonce = expectDemand(await get(first));
      expect(await get(second, { nonce })).toMatchObject({ status: 200 });
      expect(await get(first, { nonce: expectDemand(await get(second)) })).toMatchObject({ status: 200 });
      await closeApps();
      expect(await get(await start(required(secret)), { nonce })).toMatchObject({ status: 200 });
    });

    test('a secret is the same in octets, base64 and base64url (E5)', async () => {
      const secret = Buffer.concat([Buffer.from([0xfb, 0xff, 0xfe]), randomBytes(31)]);
      const nonce = expectDemand(await get(await start(required(secret))));
      for (const spelling of [
        Uint8Array.from(secret),
        secret.toString('base64'),
        secret.toString('base64url'),
      ]) {
        expect(await get(await start(required(spelling)), { nonce })).toMatchObject({ status: 200 });
      }
    });

    test('the module keeps a copy of the secret (E5)', async () => {
      const secret = randomBytes(32);
      const app = await start(required(secret));
      const nonce = expectDemand(await get(app));
      secret.fill(0);
      expect(await get(app, { nonce })).toMatchObject({ status: 200 });
      expectDemand(await get(app, { nonce: expectDemand(await get(await start(required(secret)))) }));
    });

    test('[new, old]: a nonce of the old secret stays good, the new one signs (E6)', async () => {
      const [old, fresh] = [randomBytes(32), randomBytes(32)];
      const handedOut = expectDemand(await get(await start(required(old))));
      const rotated = await start(required([fresh, old]));
      expect(await get(rotated, { nonce: handedOut })).toMatchObject({ status: 200 });
      const signedByNew = expectDemand(await get(rotated));
      const finished = await start(required(fresh));
      expect(await get(finished, { nonce: signedByNew })).toMatchObject({ status: 200 });
      expectDemand(await get(finished, { nonce: handedOut }));
    });
  });

  describe("freshness 'nonce' (C11)", () => {
    const secret = randomBytes(32);
    const nonce = { mode: 'required', freshness: 'nonce', secret } as const;
    const YEAR = 31_536_000;
    const badClocks = [
      ['at the epoch', () => 0],
      ['a year slow', () => clock.ms / 1000 - YEAR],
      ['ten years fast', () => clock.ms / 1000 + 10 * YEAR],
    ] as const;

    test.each(badClocks)('a client whose clock is %s gets in with one retry (E2)', async (_name, now) => {
      const app = await start({ nonce });
      const claims = { iat: now() };
      const fresh = expectDemand(await get(app, { claims }));
      expect(await get(app, { claims, nonce: fresh })).toMatchObject({ status: 200 });
    });

    test("freshness 'iat' has no patience with such a clock, nonce or not", async () => {
      const app = await start({ nonce: { ...nonce, freshness: 'iat' } });
      const fresh = expectDemand(await get(app));
      for (const [, now] of badClocks) {
        expect(await get(app, { claims: { iat: now() }, nonce: fresh })).toMatchObject({
          status: 401,
          code: 'invalid_dpop_proof',
        });
      }
    });

    test('an old nonce does not stand in for an old proof', async () => {
      const app = await start({ nonce });
      const fresh = expectDemand(await get(app));
      const proof = await proofFor(client, { token, nonce: fresh });
      clock.advanceSeconds(2 * WINDOW);
      expectDemand(await get(app, { proof }));
    });

    test('a proof is fresh for as long as its nonce lives, to the last instant', async () => {
      const app = await start({ nonce });
      const ahead = (await start({ nonce, clock: () => clock.ms + WINDOW * 1000 })).nest.get(NonceService);
      const [present, next] = [app.nest.get(NonceService).issue(), ahead.issue()];
      const claims = { iat: 1 };
      clock.advanceSeconds(2 * WINDOW - 0.001);
      expect(await get(app, { claims, nonce: present })).toMatchObject({ status: 200 });
      clock.advanceSeconds(WINDOW);
      expectDemand(await get(app, { claims, nonce: present }));
      expect(await get(app, { claims, nonce: next })).toMatchObject({ status: 200 });
    });

    /** Sends the proof at each of these seconds: it may be accepted once, and never again. */
    async function expectOneSuccess(
      app: RunningApp,
      proof: string,
      seconds: number,
      step: number,
    ): Promise<void> {
      expect(await get(app, { proof })).toMatchObject({ status: 200 });
      for (let passed = 0; passed < seconds; passed += step) {
        clock.advanceSeconds(step);
        expect(await get(app, { proof })).toMatchObject({ status: 401 });
      }
    }

    test('replays are refused for the whole life of the nonce, and after it (F4)', async () => {
      const app = await start({ nonce });
      const fresh = expectDemand(await get(app));
      const proof = await proofFor(client, { token, nonce: fresh, claims: { iat: 1 } });
      await expectOneSuccess(app, proof, 2 * WINDOW + 60, 2.5);
    });

    test('so they are for a nonce of a replica that is a window ahead, which lives longest (F4)', async () => {
      const ahead = await start({ nonce, clock: () => clock.ms + WINDOW * 1000 });
      const app = await start({ nonce });
      const fresh = expectDemand(await get(ahead));
      const proof = await proofFor(client, { token, nonce: fresh, claims: { iat: 1 } });
      await expectOneSuccess(app, proof, 3 * WINDOW + 60, 4);
      expectDemand(await get(app, { proof }));
    });

    test('by iat there is no instant either at which a proof is fresh and its record gone (F4)', async () => {
      const app = await start({ nonce: 'off' });
      const made = clock.ms / 1000 + 29.75;
      const proof = await proofFor(client, { token, claims: { iat: made } });
      await expectOneSuccess(app, proof, 100, 0.75);
      expect(await get(app, { proof })).toMatchObject({ status: 401, code: 'invalid_dpop_proof' });
    });
  });
});
