import { hash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import {
  type AccessTokenOption,
  AccessTokenVerifier,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, UNAVAILABLE } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';
import { AUDIENCE, BareIssuer, OPENID, RFC8414 } from './support/bare-issuer.js';
import { BARE_REQUEST } from './support/bare-request.js';

let hits = 0;

@UseGuards(DpopGuard)
@Controller()
class GuardedController {
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }
}

interface Signing {
  readonly header?: object;
  readonly claims?: object;
}

describe.each(PLATFORMS)('faults of issuers on %s', (platform) => {
  let client: TestClient;
  let logs: LogCollector;
  const clock = new HandClock();
  const closing: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    client = await TestClient.create({ clock: clock.read });
    logs = new LogCollector();
    hits = 0;
  });

  afterEach(async () => {
    await closeApps();
    await Promise.all(closing.splice(0).map((server) => server.close()));
  });

  async function start(
    accessToken: AccessTokenOption | readonly AccessTokenOption[],
    overrides: Partial<DpopModuleOptions> = {},
  ): Promise<RunningApp> {
    const options = { origin: ORIGIN, accessToken, clock: clock.read, ...overrides };

    @Module({ imports: [DpopModule.forRoot(options)], controllers: [GuardedController] })
    class AppModule {}

    return await startApp(platform, AppModule, { logger: logs });
  }

  async function listen(): Promise<TestIssuer> {
    const issuer = await TestIssuer.listen({ clock: clock.read });
    closing.push(issuer);
    return issuer;
  }

  async function listenBare(): Promise<BareIssuer> {
    const issuer = await BareIssuer.listen();
    closing.push(issuer);
    issuer.documents.set(RFC8414, issuer.metadata);
    return issuer;
  }

  function sign(issuer: string, key: CryptoKey, { header, claims }: Signing = {}): Promise<string> {
    const seconds = Math.floor(clock.ms / 1000);
    return new SignJWT({
      iss: issuer,
      aud: AUDIENCE,
      iat: seconds,
      exp: seconds + 3600,
      cnf: { jkt: client.jkt },
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header })
      .sign(key);
  }

  async function expectAccepted(app: RunningApp, token: string): Promise<void> {
    const before = hits;
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(hits).toBe(before + 1);
  }

  async function expectRefused(app: RunningApp, token: string): Promise<Answer> {
    const before = hits;
    const answer = await call(app, client, { token });
    expect(answer).toMatchObject({ status: 401, code: 'invalid_token', nonce: null });
    expect(answer.challenge).toMatch(/^DPoP error="invalid_token"/);
    expect(hits).toBe(before);
    return answer;
  }

  async function expectUnavailable(app: RunningApp, token: string): Promise<string | null> {
    const before = hits;
    const answer = await call(app, client, { token });
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(hits).toBe(before);
    return answer.headers.get('retry-after');
  }

  describe('one token costs two signatures at most (B1)', () => {
    /** Each verification encodes what was signed, once. */
    async function countSignatures(token: string, action: () => Promise<unknown>): Promise<number> {
      const encodings = jest.spyOn(Buffer, 'from');
      const signed = token.slice(0, token.lastIndexOf('.'));
      try {
        await action();
        return encodings.mock.calls.filter(([text]) => (text as unknown) === signed).length;
      } finally {
        encodings.mockRestore();
      }
    }

    async function createKeys(algorithm: string, count: number, members: (index: number) => object) {
      const pairs = await Promise.all(
        Array.from({ length: count }, () => generateKeyPair(algorithm, { extractable: true })),
      );
      const keys: JWK[] = [];
      for (const [index, { publicKey }] of pairs.entries()) {
        keys.push({ ...(await exportJWK(publicKey)), ...members(index) });
      }
      return { keys, signing: pairs.map(({ privateKey }) => privateKey) };
    }

    const issuer = 'https://issuer.test';
    const kids = (index: number) => ({ kid: `key ${index}` });
    const none = () => ({});

    test.each([
      ['ES512', 10, 'that have a kid each', kids],
      ['ES256', 3, 'that have no kid', none],
      ['RS256', 4, 'that have a kid each', kids],
      ['Ed25519', 25, 'that name their algorithm', () => ({ alg: 'Ed25519' })],
    ] as const)('with %s, of %i keys %s', async (alg, count, _what, members) => {
      const { keys, signing } = await createKeys(alg, count, members);
      const app = await start({ issuer, audience: AUDIENCE, keys: { keys } });
      const [key] = signing as [CryptoKey];
      await expectAccepted(app, await sign(issuer, key, { header: { alg, ...members(0) } }));
      const nobody = await generateKeyPair(alg, { extractable: true });
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const forged = await sign(issuer, nobody.privateKey, { header: { alg }, claims: { n: attempt } });
        expect(await countSignatures(forged, () => expectRefused(app, forged))).toBe(2);
      }
    });

    test('also where several keys have the kid that it names', async () => {
      const { keys, signing } = await createKeys('ES256', 6, () => ({ kid: 'same' }));
      const app = await start({ issuer, audience: AUDIENCE, keys: { keys } });
      const header = { kid: 'same' };
      await expectAccepted(app, await sign(issuer, signing[0] as CryptoKey, { header }));
      const { privateKey } = await generateKeyPair('ES256');
      const forged = await sign(issuer, privateKey, { header });
      expect(await countSignatures(forged, () => expectRefused(app, forged))).toBe(2);
    });

    test('also where the keys are fetched', async () => {
      const bare = await listenBare();
      const key = await bare.addKey();
      for (let i = 0; i < 9; i += 1) await bare.addKey();
      const app = await start(bare.accessToken);
      await expectAccepted(app, await sign(bare.issuer, key));
      const { privateKey } = await generateKeyPair('ES256');
      const forged = await sign(bare.issuer, privateKey);
      expect(await countSignatures(forged, () => expectRefused(app, forged))).toBe(2);
    });

    test('the key of an issuer that sends no kid is found within a few tokens, and then tried first', async () => {
      const { keys, signing } = await createKeys('ES256', 5, none);
      const app = await start({ issuer, audience: AUDIENCE, keys: { keys } });
      const key = signing[4] as CryptoKey;
      let refusals = 0;
      for (;;) {
        const { status } = await call(app, client, {
          token: await sign(issuer, key, { claims: { refusals } }),
        });
        if (status === 200) break;
        refusals += 1;
        expect(refusals).toBeLessThan(3);
      }
      const { privateKey } = await generateKeyPair('ES256');
      for (let n = 0; n < 5; n += 1) {
        await expectRefused(app, await sign(issuer, privateKey, { claims: { n } }));
        const token = await sign(issuer, key, { claims: { n } });
        expect(await countSignatures(token, () => expectAccepted(app, token))).toBe(1);
      }
    });

    test('two keys need no kid', async () => {
      const { keys, signing } = await createKeys('ES256', 2, none);
      const app = await start({ issuer, audience: AUDIENCE, keys: { keys } });
      for (const key of [...signing, ...signing.toReversed()]) {
        await expectAccepted(app, await sign(issuer, key, { claims: { n: Math.random() } }));
      }
      expect(logs.text).not.toContain('kid');
    });

    test('keys without kid that are too many are told at start (I3)', async () => {
      const { keys } = await createKeys('ES256', 3, none);
      await start({ issuer, audience: AUDIENCE, keys: { keys } });
      expect(logs.text).toMatch(/^warn .*https:\/\/issuer\.test has 3 keys .*without kid.*DpopModule$/m);
    });

    test('a token without kid that is refused for it is told once, with what to do (D9)', async () => {
      const { keys, signing } = await createKeys('ES256', 3, kids);
      const app = await start({ issuer, audience: AUDIENCE, keys: { keys } });
      await expectAccepted(app, await sign(issuer, signing[0] as CryptoKey, { header: kids(0) }));
      expect(logs.text).not.toContain('send kid');
      const { privateKey } = await generateKeyPair('ES256');
      for (let n = 0; n < 3; n += 1)
        await expectRefused(app, await sign(issuer, privateKey, { claims: { n } }));
      expect(logs.text.match(/configure the issuer to send kid, or list fewer keys/g)).toHaveLength(1);
    });
  });

  describe('what outsiders cannot turn (B8)', () => {
    async function acceptKnown(app: RunningApp, token: string): Promise<unknown> {
      const verifier = app.nest.get(AccessTokenVerifier);
      const ath = hash('sha256', token, 'base64url');
      const claims = await verifier.verify(token, ath, BARE_REQUEST);
      await verifier.remember?.(token, ath, claims);
      return claims;
    }

    const respelled: readonly (readonly [string, (keys: readonly JWK[]) => unknown])[] = [
      ['as they were', (keys) => ({ keys })],
      ['in another order', (keys) => ({ keys: keys.toReversed() })],
      [
        'with their members in another order',
        (keys) => ({ keys: keys.map((key) => Object.fromEntries(Object.entries(key).toReversed())) }),
      ],
      ['with white space', (keys) => JSON.stringify({ keys }, undefined, 4)],
      ['beside what is no key', (keys) => ({ served_at: Math.random(), keys })],
    ];

    test.each(respelled)('known tokens stay known when keys come back %s', async (_what, spell) => {
      const issuer = await listenBare();
      const key = await issuer.addKey({ kid: 'a' });
      await issuer.addKey({ kid: 'b' });
      const app = await start({ ...issuer.accessToken, keysCooldownSeconds: 1 });
      const token = await sign(issuer.issuer, key, { header: { kid: 'a' } });
      await acceptKnown(app, await sign(issuer.issuer, key, { header: { kid: 'a' }, claims: { first: 1 } }));
      const known = await acceptKnown(app, token);
      for (const kid of ['x', 'y', 'z']) {
        clock.advanceSeconds(2);
        issuer.documents.set('/jwks', spell(issuer.keys));
        const asked = issuer.asked.length;
        await expectRefused(app, await sign(issuer.issuer, key, { header: { kid } }));
        expect(issuer.asked.length).toBe(asked + 1);
        expect(await acceptKnown(app, token)).toBe(known);
      }
    });

    const broken: readonly (readonly [string, JWK])[] = [
      ['a point that is not on its curve', { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }],
      ['a coordinate that is too short', { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }],
      ['no coordinate', { kty: 'EC', crv: 'P-256' }],
      ['a private part', { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', d: 'AA' }],
    ];

    test.each(broken)('one key with %s does not stop the tokens of the others', async (_what, jwk) => {
      const issuer = await listenBare();
      const key = await issuer.addKey({ kid: 'good' });
      issuer.keys.push({ ...jwk, kid: 'broken' });
      // Each token needs a fetch, which a failure defers.
      const app = await start({ ...issuer.accessToken, keysMaxAgeSeconds: 0 });
      const good = () => sign(issuer.issuer, key, { header: { kid: 'good' }, claims: { n: Math.random() } });
      await expectAccepted(app, await good());
      await expectUnavailable(app, await sign(issuer.issuer, key, { header: { kid: 'broken' } }));
      expect(logs.text).toContain('has a key for ES256 that cannot be imported');
      await expectAccepted(app, await good());
    });

    test('during an outage no key is imported again', async () => {
      const issuer = await listenBare();
      const key = await issuer.addKey({ kid: 'a' });
      const app = await start({ ...issuer.accessToken, keysCooldownSeconds: 0 });
      const good = (n: number) => sign(issuer.issuer, key, { header: { kid: 'a' }, claims: { n } });
      await expectAccepted(app, await good(0));
      issuer.documents.delete('/jwks');
      await expectUnavailable(app, await sign(issuer.issuer, key, { header: { kid: 'new' } }));
      const imports = jest.spyOn(crypto.subtle, 'importKey');
      try {
        for (let n = 1; n <= 4; n += 1) await expectAccepted(app, await good(n));
        expect(imports).not.toHaveBeenCalled();
      } finally {
        imports.mockRestore();
      }
    });

    const MIB = 1024 ** 2;
    const padded = (document: object, bytes: number) => JSON.stringify(document).padEnd(bytes, ' ');

    test.each([
      ['metadata', RFC8414],
      ['a key set', '/jwks'],
    ])('%s of 1 MiB is read, and not an octet more', async (_what, path) => {
      const issuer = await listenBare();
      const key = await issuer.addKey();
      const document = path === RFC8414 ? issuer.metadata : { keys: issuer.keys };
      issuer.documents.set(path, padded(document, MIB));
      await expectAccepted(await start(issuer.accessToken), await sign(issuer.issuer, key));
      issuer.documents.set(path, padded(document, MIB + 1));
      await expectUnavailable(await start(issuer.accessToken), await sign(issuer.issuer, key));
      expect(logs.text).toContain('larger than 1 MiB');
    });

    test('one that never ends is cut off', async () => {
      const issuer = await listenBare();
      const key = await issuer.addKey();
      await expectAccepted(await start(issuer.accessToken), await sign(issuer.issuer, key));
      let sent = 0;
      const endless = (_request: unknown, response: ServerResponse) => {
        const chunk = ' '.repeat(65_536);
        const more = () => {
          while (!response.destroyed) {
            sent += chunk.length;
            if (!response.write(chunk)) return;
          }
        };
        response.on('drain', more);
        more();
      };
      issuer.documents.set('/jwks', endless);
      await expectUnavailable(await start(issuer.accessToken), await sign(issuer.issuer, key));
      // What lies in the buffers of both sides was sent, too.
      expect(sent).toBeLessThan(32 * MIB);
    });

    test('one that is small only while it is compressed is cut off', async () => {
      const issuer = await listenBare();
      const key = await issuer.addKey();
      await expectAccepted(await start(issuer.accessToken), await sign(issuer.issuer, key));
      const packed = gzipSync(padded({ keys: issuer.keys }, 50 * MIB));
      issuer.documents.set('/jwks', (_request: unknown, response: ServerResponse) => {
        response.setHeader('content-encoding', 'gzip').end(packed);
      });
      await expectUnavailable(await start(issuer.accessToken), await sign(issuer.issuer, key));
      expect(logs.text).toContain('larger than 1 MiB');
    });
  });

  describe('a key that turned (B12)', () => {
    /** An app whose keys were fetched for the sake of a token, so that the cooldown runs. */
    async function startCooling(issuer: TestIssuer): Promise<RunningApp> {
      const app = await start(issuer.accessToken);
      await expectAccepted(app, await issuer.issueToken({ client }));
      await expectRefused(app, await issuer.issueToken({ client, header: { kid: 'unknown' } }));
      return app;
    }

    test('within the cooldown its tokens are 503 until the next fetch is due, and then good', async () => {
      const issuer = await listen();
      const app = await startCooling(issuer);
      clock.advanceSeconds(10);
      await issuer.rotateKey();
      const token = await issuer.issueToken({ client });
      expect(await expectUnavailable(app, token)).toBe('20');
      expect(logs.text).toContain('the next fetch waits for keysCooldownSeconds');
      clock.advanceSeconds(19.5);
      expect(await expectUnavailable(app, token)).toBe('1');
      clock.advanceSeconds(0.5);
      await expectAccepted(app, token);
    });

    test('in the very second of the fetch, too', async () => {
      const issuer = await listen();
      const app = await startCooling(issuer);
      await issuer.rotateKey();
      expect(await expectUnavailable(app, await issuer.issueToken({ client }))).toBe('30');
    });

    test('right after the start it is fetched at once: the look at start begins no cooldown', async () => {
      const issuer = await listen();
      const app = await start(issuer.accessToken);
      await expectAccepted(app, await issuer.issueToken({ client }));
      await issuer.rotateKey();
      await expectAccepted(app, await issuer.issueToken({ client }));
    });

    const later = (seconds: number) => ({ iat: Math.floor(clock.ms / 1000) + seconds });

    test.each([
      ['long before the keys were fetched', () => later(-60)],
      ['a second before', () => later(-1)],
      ['half a second before, by fractions', () => later(-0.5)],
      ['in a future that no tolerance reaches', () => later(60)],
      ['at a time that is none', () => ({ iat: 'now' })],
      ['at null', () => ({ iat: null })],
    ])(
      'a token with an unknown kid that was issued %s is refused, without a fetch',
      async (_what, claims) => {
        const issuer = await listen();
        const app = await startCooling(issuer);
        const token = await issuer.issueToken({ client, header: { kid: 'other' }, claims: claims() });
        const fetches = jest.spyOn(globalThis, 'fetch');
        const toIssuer = () =>
          fetches.mock.calls.filter(([url]) => String(url as URL).startsWith(issuer.issuer));
        try {
          await expectRefused(app, token);
          expect(toIssuer()).toStrictEqual([]);
        } finally {
          fetches.mockRestore();
        }
      },
    );

    test.each([
      ['after the fetch', () => later(5)],
      ['nobody knows when', () => ({ iat: undefined })],
      ['ahead of our clock, within the tolerance', () => later(9)],
    ])('a token with an unknown kid that was issued %s may be good', async (_what, claims) => {
      const issuer = await listen();
      const app = await startCooling(issuer);
      const token = await issuer.issueToken({ client, header: { kid: 'other' }, claims: claims() });
      await expectUnavailable(app, token);
      clock.advanceSeconds(30);
      // Fetched for its sake, and not there.
      await expectRefused(app, token);
    });
  });

  describe('where keys are, and which tokens are taken (B1)', () => {
    test('an http jwksUri beside an https issuer, with allowInsecureHttp', async () => {
      const bare = await listenBare();
      const key = await bare.addKey();
      const issuer = 'https://auth.example.com';
      // 0.0.0.0 is not among the loopback hosts that count as secure, and leads to this machine.
      const jwksUri = `${bare.issuer.replace('127.0.0.1', '0.0.0.0')}/jwks`;
      const app = await start({ issuer, audience: AUDIENCE, jwksUri }, { allowInsecureHttp: true });
      await expectAccepted(app, await sign(issuer, key));
      expect(bare.asked).toEqual(['/jwks']);
    });

    test('typ: absent', async () => {
      const issuer = await listen();
      const app = await start({ ...issuer.accessToken, typ: ['at+jwt', 'absent'] });
      const typed = (typ: unknown) => issuer.issueToken({ client, header: { typ } });
      await expectAccepted(app, await typed('at+jwt'));
      await expectAccepted(app, await typed(undefined));
      for (const typ of ['JWT', 'absent', '', null]) await expectRefused(app, await typed(typ));
    });
  });

  describe('what is wrong with an issuer is told at start, and with each 503 (I3, D8)', () => {
    const wrong: readonly (readonly [string, (issuer: BareIssuer) => void, RegExp])[] = [
      [
        'metadata that is 404',
        ({ documents }) => documents.delete(RFC8414),
        /oauth-authorization-server: status 404; \/\.well-known\/openid-configuration: status 404\); correct the issuer, or set jwksUri/,
      ],
      [
        'metadata of another issuer',
        ({ documents }) => documents.set(RFC8414, { issuer: 'https://other.example/realms/ä\n"' }),
        /its issuer is not the configured one but "https:\/\/other\.example\/realms\/\\u00e4\\n\\""/,
      ],
      [
        'metadata of a very long issuer',
        ({ documents }) => documents.set(RFC8414, { issuer: 'x'.repeat(9999) }),
        /but "x{200}\\u2026"/,
      ],
      [
        'metadata without jwks_uri',
        ({ documents, issuer }) => documents.set(RFC8414, { issuer }),
        /oauth-authorization-server: it has no jwks_uri/,
      ],
      ['a page', ({ documents }) => documents.set(RFC8414, '<html>'), /server: not a JSON object/],
      [
        'a jwks_uri beyond https',
        ({ documents, issuer }) => documents.set(RFC8414, { issuer, jwks_uri: 'http://keycloak:8080/jwks' }),
        /names a jwks_uri that is not https; correct its metadata, or set jwksUri/,
      ],
      ['keys that are 404', ({ documents }) => documents.delete('/jwks'), /:\d+\/jwks: status 404/],
      ['no key set', ({ documents }) => documents.set('/jwks', {}), /\/jwks: not a JWK set/],
      ['no answer', ({ documents }) => documents.set('/jwks', () => undefined), /no answer within .* 50 ms/],
    ];

    test.each(wrong)('%s', async (_what, spoil, words) => {
      const issuer = await listenBare();
      const key = await issuer.addKey();
      await expectAccepted(await start(issuer.accessToken), await sign(issuer.issuer, key));
      spoil(issuer);
      const isSilent = typeof issuer.documents.get('/jwks') === 'function';
      const app = await start({ ...issuer.accessToken, ...(isSilent && { fetchTimeoutMs: 50 }) });
      await expectUnavailable(app, await sign(issuer.issuer, key));
      const named = `the keys of the issuer ${issuer.issuer} cannot be fetched`;
      const lines = logs.lines.filter((line) => line.includes(named));
      expect(lines.map((line) => line.split(' ')[0])).toEqual(['warn', 'error']);
      for (const line of lines) expect(line).toMatch(words);
      for (const line of lines) expect(line).not.toContain('\n');
    });

    test('a port that is closed, by its code', async () => {
      const issuer = await listenBare();
      const token = await sign(issuer.issuer, await issuer.addKey());
      await issuer.close();
      await expectUnavailable(await start(issuer.accessToken), token);
      expect(logs.text).toMatch(/^warn .*cannot be reached \(ECONNREFUSED\)/m);
    });

    test('the second of two issuers', async () => {
      const [sound, away] = [await listen(), await listenBare()];
      away.documents.clear();
      const app = await start([sound.accessToken, away.accessToken]);
      await expectAccepted(app, await sound.issueToken({ client }));
      await expectUnavailable(app, await sign(away.issuer, await away.addKey()));
      expect(logs.text).toMatch(new RegExp(`^warn .*${away.issuer} cannot be fetched`, 'm'));
      expect(logs.text).not.toContain(`${sound.issuer} cannot`);
    });

    test('an issuer that is in order is not spoken of, and its keys are at hand', async () => {
      const issuer = await listenBare();
      const key = await issuer.addKey();
      const app = await start(issuer.accessToken);
      await expectAccepted(app, await sign(issuer.issuer, key));
      expect(issuer.asked).toEqual([RFC8414, '/jwks']);
      expect(logs.text).not.toContain(issuer.issuer);
    });

    test('the start does not wait for the look, and the end ends it', async () => {
      const issuer = await listenBare();
      const asked = new Promise<ServerResponse>((resolve) => {
        issuer.documents.set(RFC8414, (_request: unknown, response: ServerResponse) => resolve(response));
      });
      const app = await start({ ...issuer.accessToken, fetchTimeoutMs: 60_000 });
      const response = await asked;
      const gone = new Promise((resolve) => response.on('close', resolve));
      await app.nest.close();
      await gone;
      expect(logs.text).not.toContain('cannot be fetched');
      expect(issuer.asked).toEqual([RFC8414]);
      expect(issuer.asked).not.toContain(OPENID);
    });

    test('what a verifier of the app throws at start is told, and the service starts', async () => {
      const issuer = await listen();

      class Failing extends AccessTokenVerifier {
        override verify(): never {
          throw new Error('not asked');
        }

        override open(): Promise<void> {
          return Promise.reject(new Error('secret'));
        }
      }

      const app = await start([issuer.accessToken, new Failing()]);
      await expectAccepted(app, await issuer.issueToken({ client }));
      expect(logs.text).toContain('AccessTokenVerifier.open failed');
      expect(logs.text).not.toContain('secret');
    });
  });
});
