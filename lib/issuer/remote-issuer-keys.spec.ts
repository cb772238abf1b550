import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { HandClock } from '../../test/support/hand-clock.js';
import type { Fetch } from '../outbound/outbound-request.js';
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.js';
import type { JwtAccessTokenOptions } from './jwt-access-token-options.js';

const ISSUER = 'https://auth.test';
const FAILED = `the keys of the issuer ${ISSUER} cannot be fetched: ${ISSUER}/jwks: status 500`;

let jwk: JWK;
let clock: HandClock;
/** What the issuer answers, and what it was asked for. */
let published: readonly string[];
let status: number;
let asked: string[];

beforeAll(async () => {
  jwk = await exportJWK((await generateKeyPair('ES256')).publicKey);
});

beforeEach(() => {
  clock = new HandClock();
  published = ['a'];
  status = 200;
  asked = [];
});

const answering: Fetch = (url) => {
  asked.push(url);
  const keys = published.map((kid) => ({ ...jwk, kid, alg: 'ES256' }));
  return Promise.resolve(new Response(JSON.stringify({ keys }), { status }));
};

const create = (changes: Partial<JwtAccessTokenOptions> = {}): IssuerKeys =>
  createIssuerKeys(
    { issuer: ISSUER, audience: 'api', jwksUri: `${ISSUER}/jwks`, fetch: answering, ...changes },
    clock.read,
  );

/** The number of keys with this kid; `undefined` for none, or what the service answers 503 with. */
async function look(keys: IssuerKeys, kid: string, issuedAt?: unknown): Promise<unknown> {
  try {
    return (await keys.find({ alg: 'ES256', kid }, issuedAt))?.size;
  } catch (error) {
    const { reason, advice, retryAfterSeconds } = error as Record<string, unknown>;
    return { reason, advice, retryAfterSeconds };
  }
}

const nowSeconds = (): number => clock.ms / 1000;
const unavailable = (advice: unknown, retryAfterSeconds = 1) => ({
  reason: 'issuer_unavailable',
  advice,
  retryAfterSeconds,
});

describe('keys that are fetched (B1)', () => {
  test('are fetched once for many tokens, and again when they are old', async () => {
    const keys = create({ keysMaxAgeSeconds: 60 });
    expect(await Promise.all([look(keys, 'a'), look(keys, 'a')])).toEqual([1, 1]);
    const generation = keys.generation();
    clock.advanceSeconds(59.999);
    expect(await look(keys, 'a')).toBe(1);
    expect(asked).toEqual([`${ISSUER}/jwks`]);
    expect(keys.generation()).toBe(generation);
    clock.advanceSeconds(0.001);
    expect(keys.generation()).toBeUndefined();
    expect(await look(keys, 'a')).toBe(1);
    expect(asked).toHaveLength(2);
    // Equal keys are the same generation.
    expect(keys.generation()).toBe(generation);
  });

  test('are old after ten minutes by default, and once the clock was set back', async () => {
    const keys = create();
    await look(keys, 'a');
    clock.advanceSeconds(599.999);
    expect(keys.generation()).toBeDefined();
    clock.advanceSeconds(0.001);
    expect(keys.generation()).toBeUndefined();
    await look(keys, 'a');
    clock.advanceSeconds(-1);
    expect(keys.generation()).toBeUndefined();
  });

  test('have another generation once they rotate', async () => {
    const keys = create({ keysMaxAgeSeconds: 60 });
    await look(keys, 'a');
    const generation = keys.generation();
    published = ['a', 'b'];
    clock.advanceSeconds(60);
    await look(keys, 'a');
    expect(keys.generation()).not.toBe(generation);
  });
});

describe('a key that is not at hand (B12)', () => {
  test('is fetched after the cooldown, of 30 s by default', async () => {
    for (const [seconds, changes] of [
      [30, {}],
      [5, { keysCooldownSeconds: 5 }],
    ] as const) {
      published = ['a'];
      asked = [];
      const keys = create(changes);
      expect(await look(keys, 'b')).toBeUndefined();
      published = ['a', 'b'];
      clock.advanceSeconds(seconds - 0.001);
      expect(await look(keys, 'b', nowSeconds() - 3600)).toBeUndefined();
      expect(asked).toHaveLength(1);
      clock.advanceSeconds(0.001);
      expect(await look(keys, 'b', nowSeconds() - 3600)).toBe(1);
      expect(asked).toHaveLength(2);
    }
  });

  test('begins a cooldown when it was looked for after one', async () => {
    const keys = create();
    await look(keys, 'a');
    clock.advanceSeconds(30);
    expect(await look(keys, 'b', nowSeconds() - 3600)).toBeUndefined();
    expect(asked).toHaveLength(2);
    expect(await look(keys, 'b', nowSeconds() - 3600)).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  test('is not fetched for a token whose own fetch did not find it', async () => {
    const keys = create({ keysCooldownSeconds: 0 });
    expect(await look(keys, 'b')).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  const NEWER = `a token of the issuer ${ISSUER} names a key that may be newer than the last fetch; the next fetch waits for keysCooldownSeconds`;

  test('is waited for if the token may be newer than the fetch', async () => {
    const keys = create();
    await look(keys, 'a');
    const fetchedAt = nowSeconds();
    clock.advanceSeconds(10.5);
    const waiting = unavailable(NEWER, 20);
    // In the second of the fetch, since then, up to the tolerance; or at an unknown time.
    for (const issuedAt of [fetchedAt, fetchedAt + 5, nowSeconds() + 10, undefined])
      expect(await look(keys, 'b', issuedAt)).toEqual(waiting);
    for (const issuedAt of [fetchedAt - 1, nowSeconds() + 10.5, String(fetchedAt), null])
      expect(await look(keys, 'b', issuedAt)).toBeUndefined();
    expect(asked).toHaveLength(1);
  });

  test('is waited for within the tolerance of the options', async () => {
    const keys = create({ clockToleranceSeconds: 60 });
    await look(keys, 'a');
    expect(await look(keys, 'b', nowSeconds() + 60)).toMatchObject({ reason: 'issuer_unavailable' });
    expect(await look(keys, 'b', nowSeconds() + 61)).toBeUndefined();
  });

  test('counts from the second in which the fetch began', async () => {
    clock.ms += 900;
    const keys = create();
    await look(keys, 'a');
    expect(await look(keys, 'b', Math.floor(nowSeconds()))).toMatchObject({ retryAfterSeconds: 30 });
    expect(await look(keys, 'b', Math.floor(nowSeconds()) - 1)).toBeUndefined();
  });

  test('is told at the start if keys have no kid', async () => {
    const nameless: Fetch = () => Promise.resolve(new Response(JSON.stringify({ keys: [jwk, jwk, jwk] })));
    const warnings: string[] = [];
    await create({ fetch: nameless }).open((text) => warnings.push(text));
    expect(warnings).toEqual([expect.stringContaining('3 keys of one kind without kid')]);
  });

  test('is fetched at once after the fetch at the start', async () => {
    const keys = create();
    await keys.open(() => undefined);
    published = ['a', 'b'];
    expect(await look(keys, 'b')).toBe(1);
    expect(asked).toHaveLength(2);
  });
});

describe('an issuer that cannot be reached (B8)', () => {
  test('is asked once in a second, and then again', async () => {
    status = 500;
    const keys = create();
    expect(await look(keys, 'a')).toEqual(unavailable(FAILED));
    clock.advanceSeconds(0.999);
    expect(await look(keys, 'a')).toEqual(unavailable(`the last fetch failed less than 1 s ago: ${FAILED}`));
    expect(asked).toHaveLength(1);
    clock.advanceSeconds(0.001);
    status = 200;
    expect(await look(keys, 'a')).toBe(1);
    expect(asked).toHaveLength(2);
  });

  test('is asked at once after a failure at the start for which no token waited', async () => {
    status = 500;
    const keys = create();
    const warnings: string[] = [];
    await keys.open((text) => warnings.push(text));
    expect(warnings).toEqual([`${FAILED}; meanwhile, the service answers 503 to requests with its tokens`]);
    status = 200;
    expect(await look(keys, 'a')).toBe(1);
  });

  test('is not asked at once after a failure at the start for which a token waited', async () => {
    status = 500;
    const keys = create();
    const opening = keys.open(() => undefined);
    const waiting = look(keys, 'a');
    await opening;
    expect(await waiting).toEqual(unavailable(FAILED));
    expect(await look(keys, 'a')).toMatchObject({ advice: expect.stringMatching(/^the last fetch failed/) });
    expect(asked).toHaveLength(1);
  });

  test('is asked at once after a failure at the start, though a token waited for an earlier one', async () => {
    status = 500;
    const keys = create();
    await look(keys, 'a');
    clock.advanceSeconds(1);
    await keys.open(() => undefined);
    status = 200;
    expect(await look(keys, 'a')).toBe(1);
    expect(asked).toHaveLength(3);
  });

  test('is not asked at once after a failure for which a token waited before the look at start', async () => {
    status = 500;
    const keys = create();
    const waiting = look(keys, 'a');
    await keys.open(() => undefined);
    await waiting;
    expect(await look(keys, 'a')).toMatchObject({ advice: expect.stringMatching(/^the last fetch failed/) });
  });

  test('is told with the cause', async () => {
    status = 500;
    await expect(create().find({ alg: 'ES256' })).rejects.toMatchObject({
      cause: { message: `${ISSUER}/jwks: status 500`, cause: { message: 'status 500' } },
    });
  });

  test('has its keys kept until they are old', async () => {
    const keys = create({ keysMaxAgeSeconds: 60 });
    await look(keys, 'a');
    status = 500;
    clock.advanceSeconds(59);
    expect(await look(keys, 'a')).toBe(1);
    clock.advanceSeconds(1);
    expect(await look(keys, 'a')).toEqual(unavailable(FAILED));
  });

  test('in another way than by its answer, is told as a failure of the fetch', async () => {
    const keys = create({ jwksUri: 'no URL' });
    expect(await look(keys, 'a')).toEqual(
      unavailable(`the keys of the issuer ${ISSUER} cannot be fetched: the fetch failed`),
    );
  });

  test('leaves no fetch behind when the service ends, and no warning', async () => {
    const signals: AbortSignal[] = [];
    const hanging: Fetch = (_url, { signal }) =>
      new Promise((_resolve, reject) => {
        if (!(signal instanceof AbortSignal)) return;
        signals.push(signal);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    const keys = create({ fetch: hanging });
    const warnings: string[] = [];
    const opening = keys.open((text) => warnings.push(text));
    await new Promise(setImmediate);
    keys.close();
    await opening;
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(warnings).toStrictEqual([]);
    clock.advanceSeconds(1);
    expect(await look(keys, 'a')).toMatchObject({ advice: expect.stringMatching(/the service shuts down$/) });
    expect(signals).toHaveLength(1);
  });
});

describe('where the keys are (B1)', () => {
  const metadata = { issuer: ISSUER, jwks_uri: `${ISSUER}/keys` };

  test('is read from the metadata, and again after a failure', async () => {
    let place = `${ISSUER}/old`;
    const finding: Fetch = (url, init) => {
      if (!url.includes('well-known')) return url === place ? answering(url, init) : gone(url);
      asked.push(url);
      return Promise.resolve(new Response(JSON.stringify({ ...metadata, jwks_uri: place })));
    };
    const gone = (url: string): Promise<Response> => {
      asked.push(url);
      return Promise.resolve(new Response('', { status: 404 }));
    };
    const keys = createIssuerKeys(
      { issuer: ISSUER, audience: 'api', fetch: finding, keysMaxAgeSeconds: 60 },
      clock.read,
    );
    await look(keys, 'a');
    clock.advanceSeconds(60);
    await look(keys, 'a');
    place = `${ISSUER}/new`;
    clock.advanceSeconds(60);
    expect(await look(keys, 'a')).toMatchObject({ reason: 'issuer_unavailable' });
    clock.advanceSeconds(1);
    expect(await look(keys, 'a')).toBe(1);
    const known = `${ISSUER}/.well-known/oauth-authorization-server`;
    expect(asked).toEqual([known, `${ISSUER}/old`, `${ISSUER}/old`, `${ISSUER}/old`, known, `${ISSUER}/new`]);
  });

  test('is told with its failure, without the query', async () => {
    status = 500;
    const keys = create({ jwksUri: `${ISSUER}/jwks?secret=1` });
    expect(await look(keys, 'a')).toEqual(unavailable(FAILED));
  });

  test('is asked within the time limit of the options, of 5 s by default', async () => {
    const hanging: Fetch = (_url, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      });
    const keys = create({ fetch: hanging, fetchTimeoutMs: 5 });
    expect(await look(keys, 'a')).toEqual(
      unavailable(
        `the keys of the issuer ${ISSUER} cannot be fetched: ${ISSUER}/jwks: no answer within fetchTimeoutMs, 5 ms`,
      ),
    );
  });
});

describe('keys of the configuration (B1)', () => {
  test('are one generation, and are warned of at start', async () => {
    const keys = createIssuerKeys(
      { issuer: ISSUER, audience: 'api', keys: { keys: [jwk, jwk, jwk].map((key) => ({ ...key })) } },
      clock.read,
    );
    const warnings: string[] = [];
    await keys.open((text) => warnings.push(text));
    expect(warnings).toEqual([expect.stringContaining('3 keys of one kind without kid')]);
    expect(keys.generation()).toBeDefined();
    expect(keys.generation()).toBe(keys.generation());
    expect((await keys.find({ alg: 'ES256' }))?.size).toBe(3);
    keys.close();
  });
});
