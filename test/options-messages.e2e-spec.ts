import { describe, expect, test } from '@jest/globals';
import { Dpop, RequireAuthentication, RequireScopes } from 'nestjs-dpop';
import { GOOD, type Untyped } from './options/good-options.js';
import { secret31, secret32 } from './options/secrets.js';
import { forRoot, messageOf, start } from './options/start-with.js';

const ORIGIN_WITH_QUERY = 'https://api.example.com/?x=y';

describe('an error of an option shows the value and the way out (I4)', () => {
  const shown: readonly (readonly [string, Untyped, string, string])[] = [
    ['origin', { origin: 'http://api.example.com' }, '"http://api.example.com"', 'allowInsecureHttp: true'],
    [
      'origin',
      { origin: [ORIGIN_WITH_QUERY] },
      '"https://api.example.com/?x=y"',
      'without query or fragment',
    ],
    ['origin', { origin: 42 }, '42', 'an array of those, "request" or a function'],
    ['allowInsecureHttp', { allowInsecureHttp: 'yes' }, '"yes"', 'true or false'],
    ['confirmation', { confirmation: 'jkt' }, '"jkt"', '"jkt-only"'],
    ['maxTokenBytes', { maxTokenBytes: 12 }, '12', 'from 256 to 65536'],
    ['bearer', { bearer: 'allow' }, '"allow"', '"allow-unbound"'],
    ['onReplayStoreFailure', { onReplayStoreFailure: 'accept' }, '"accept"', '"accept-and-report"'],
    ['unguardedRoutes', { unguardedRoutes: 'ignore' }, '"ignore"', '"error" or "warn"'],
    ['realm', { realm: 'büro' }, '"büro"', 'printable ASCII'],
    ['clock', { clock: 1_700_000_000 }, '1700000000', 'such as Date.now'],
    ['isGlobal', { isGlobal: 'no' }, '"no"', 'true or false'],
    ['proof', { proof: 'strict' }, 'a string', 'an object'],
    ['proof.maxAgeSeconds', { proof: { maxAgeSeconds: '60' } }, '"60"', 'an integer from 1 to 3600'],
    ['proof.algorithms', { proof: { algorithms: ['ES256', 'HS256'] } }, "[ 'HS256' ]", 'ES256'],
    ['nonce', { nonce: 'optional' }, '"optional"', '"off" or "required"'],
    ['nonce.lifetimeSeconds', { nonce: { mode: 'off', lifetimeSeconds: 0 } }, '0', 'from 1 to 3600'],
    [
      'metadata.url',
      { metadata: { url: 'http://x.example' } },
      '"http://x.example"',
      'allowInsecureHttp: true',
    ],
    [
      'metadata.resource',
      { metadata: { resource: 'https://other.example' } },
      '"https://other.example"',
      'on one of the origins of the option origin',
    ],
    ['metadata', { metadata: 'https://api.example.com' }, 'a string', '{ url } if another server does'],
    ['cache.maxKeys', { cache: { maxKeys: 1.5 } }, '1.5', 'an integer from 0'],
    [
      'accessToken.resolveIssuer',
      { accessToken: { resolveIssuer: 'x' } },
      '"x"',
      'returns the options of an issuer, or undefined',
    ],
    [
      'accessToken.tenantOf',
      { accessToken: { resolveIssuer: () => undefined, tenantOf: 'x-tenant' } },
      '"x-tenant"',
      'returns a string',
    ],
    [
      'accessToken.maxIssuers',
      { accessToken: { resolveIssuer: () => undefined, maxIssuers: 0 } },
      '0',
      'an integer from 1 to 100000',
    ],
    ['storage', { storage: 'redis' }, 'a string', 'the RedisStorage of nestjs-dpop/redis'],
  ];

  test.each(shown)('%s: %p', async (option, values, value, wayOut) => {
    const message = await messageOf(async () => await start(forRoot({ ...GOOD, ...values })));
    expect(message).toMatch(new RegExp(`^${option.replace('.', '\\.')} must be `));
    expect(message).toContain(`; it is ${value}`);
    expect(message).toContain(wayOut);
  });

  test('storage: what it lacks is named', async () => {
    const storage = { replayStore: { claim: () => 'first' }, nonceSecrets: {}, open: 1 };
    expect(await messageOf(async () => await start(forRoot({ ...GOOD, storage })))).toMatch(
      /this one lacks the method replayStore\.epochOf, the method nonceSecrets\.secrets, the method open, shared, true or false$/,
    );
  });

  const secrets: readonly (readonly [string, Untyped])[] = [
    ['nonce.secret', { nonce: { mode: 'required', secret: secret31 } }],
    ['nonce.secret', { nonce: { mode: 'required', secret: [secret32, secret31] } }],
    ['nonce.secret', { nonce: { mode: 'required', secret: { of: secret31 } } }],
    ['nonce', { nonce: secret31 }],
    ['nonce', { nonce: [secret31] }],
    ['storage', { storage: `redis://user:${secret31}@redis.example` }],
    ['storage', { storage: [secret31] }],
    ['origin', { origin: `https://user:${secret31}@api.example.com` }],
    ['metadata.url', { metadata: { url: `ftp://${secret31}@api.example.com` } }],
  ];

  test.each(secrets)('%s: what may be a secret is not shown', async (option, values) => {
    const message = await messageOf(async () => await start(forRoot({ ...GOOD, ...values })));
    expect(message).toMatch(new RegExp(`^${option.replace('.', '\\.')} must be `));
    expect(message).not.toContain(secret31);
  });

  test('a long value is cut to length', async () => {
    const message = await messageOf(
      async () => await start(forRoot({ ...GOOD, origin: 'x'.repeat(10_000) })),
    );
    expect(message.length).toBeLessThan(500);
  });

  test.each([
    [RequireScopes, ['two words'], "[ 'two words' ]"],
    [Dpop, [{ nonce: 'optional' }], '"optional"'],
    [RequireAuthentication, [{ acrValues: 'phr' }], '"phr"'],
    [RequireAuthentication, [{ maxAgeSeconds: -1 }], '-1'],
  ] as const)('%p of %p', (decorator, values, shownValue) => {
    const decorate = (): unknown =>
      (decorator as (...given: unknown[]) => ClassDecorator)(...values)(class Target {});
    expect(decorate).toThrow(`; it is ${shownValue}`);
  });
});
