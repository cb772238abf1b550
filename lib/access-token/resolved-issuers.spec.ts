import { beforeEach, describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { type IssuerResolutionOptions, parseIssuerResolution } from '../issuer/issuer-resolution.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { ResolvedIssuers } from './resolved-issuers.js';

const REQUEST = { method: 'GET', target: '/', rawHeaders: [] };
const A = 'https://a.test';
const AUDIENCE = 'https://api.test';

const clock = new HandClock();
let lookups: string[];
/** The signals of the fetches for keys, by issuer; none ever gets an answer. */
let fetches: Map<string, AbortSignal>;

beforeEach(() => {
  lookups = [];
  fetches = new Map();
});

/** Options of an issuer whose server never answers. */
function silent(issuer: string, changes: Partial<JwtAccessTokenOptions> = {}): JwtAccessTokenOptions {
  return {
    issuer,
    audience: AUDIENCE,
    jwksUri: `${issuer}/jwks`,
    fetch: (_url, { signal }) =>
      new Promise((_resolve, reject) => {
        if (!(signal instanceof AbortSignal)) return;
        fetches.set(issuer, signal);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    ...changes,
  };
}

function resolving(
  resolveIssuer: IssuerResolutionOptions['resolveIssuer'],
  more: Partial<IssuerResolutionOptions> = {},
): ResolvedIssuers {
  const counted: typeof resolveIssuer = (issuer, tenant) => {
    lookups.push(`${tenant} ${issuer}`);
    return resolveIssuer(issuer, tenant);
  };
  return new ResolvedIssuers(
    parseIssuerResolution({ resolveIssuer: counted, ...more }, 'accessToken', false),
    clock.read,
  );
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const isFetching = (issuer: string): boolean => fetches.get(issuer)?.aborted === false;

describe('an issuer that was found at run time (B10)', () => {
  test('has the options that were resolved, and fetches its keys at once', async () => {
    const issuers = resolving((name) => silent(name));
    expect((await issuers.find(A, ''))?.verifier.issuer).toBe(A);
    await settled();
    expect(isFetching(A)).toBe(true);
  });

  test('is the same for later callers, and is looked up again once its age is over', async () => {
    const options = silent(A);
    const issuers = resolving(() => ({ ...options }), { lookupMaxAgeSeconds: 60 });
    const first = await issuers.find(A, '');
    clock.advanceSeconds(59.999);
    expect(await issuers.find(A, '')).toBe(first);
    expect(first?.isCurrent()).toBe(true);
    expect(lookups).toHaveLength(1);
    clock.advanceSeconds(0.001);
    expect(first?.isCurrent()).toBe(false);
    expect(await issuers.find(A, '')).toBe(first);
    expect(first?.isCurrent()).toBe(true);
    expect(lookups).toHaveLength(2);
    await settled();
    expect(isFetching(A)).toBe(true);
  });

  test('is looked up again if the clock was set back', async () => {
    const issuers = resolving(() => silent(A));
    const first = await issuers.find(A, '');
    clock.advanceSeconds(-1);
    expect(first?.isCurrent()).toBe(false);
    await issuers.find(A, '');
    expect(lookups).toHaveLength(2);
  });

  test('is replaced when its options changed, and its fetch ends', async () => {
    let audience = AUDIENCE;
    const issuers = resolving(() => silent(A, { audience }), { lookupMaxAgeSeconds: 60 });
    const first = await issuers.find(A, '');
    await settled();
    const former = fetches.get(A);
    audience = 'https://elsewhere.test';
    clock.advanceSeconds(60);
    const second = await issuers.find(A, '');
    expect(second).not.toBe(first);
    expect([first?.isCurrent(), second?.isCurrent()]).toEqual([false, true]);
    expect(former?.aborted).toBe(true);
  });

  test('is no longer current when it is unknown, and its fetch ends', async () => {
    let isKnown = true;
    const issuers = resolving(() => (isKnown ? silent(A) : undefined), { lookupMaxAgeSeconds: 60 });
    const first = await issuers.find(A, '');
    await settled();
    isKnown = false;
    clock.advanceSeconds(60);
    expect(await issuers.find(A, '')).toBeUndefined();
    expect(first?.isCurrent()).toBe(false);
    expect(isFetching(A)).toBe(false);
    expect(issuers.found(A, REQUEST)).toBeUndefined();
  });

  test('belongs to one tenant', async () => {
    const issuers = resolving((name, tenant) => (tenant === 'b' ? undefined : silent(name)));
    const [one, other] = [await issuers.find(A, 'a'), await issuers.find(A, 'c')];
    expect(one).not.toBe(other);
    expect(await issuers.find(A, 'b')).toBeUndefined();
    expect(lookups).toEqual([`a ${A}`, `c ${A}`, `b ${A}`]);
  });

  test('is kept with no more than maxIssuers others; the one that was looked up first goes, with its fetch', async () => {
    const [B, C] = ['https://b.test', 'https://c.test'];
    const issuers = resolving((name) => silent(name), { maxIssuers: 2 });
    const [a, b] = [await issuers.find(A, ''), await issuers.find(B, '')];
    await settled();
    expect([a?.isCurrent(), b?.isCurrent()]).toEqual([true, true]);
    await issuers.find(C, '');
    await settled();
    expect([a?.isCurrent(), b?.isCurrent()]).toEqual([false, true]);
    expect([A, B, C].map(isFetching)).toEqual([false, true, true]);
  });

  test('stays when the one that was looked up longer ago goes, though it came first', async () => {
    const [B, C] = ['https://b.test', 'https://c.test'];
    const options = new Map([A, B, C].map((name) => [name, silent(name)]));
    const issuers = resolving((name) => options.get(name), { maxIssuers: 2, lookupMaxAgeSeconds: 60 });
    const a = await issuers.find(A, '');
    const b = await issuers.find(B, '');
    clock.advanceSeconds(60);
    await issuers.find(A, '');
    await issuers.find(C, '');
    expect(a?.isCurrent()).toBe(true);
    // Its age is good again, but it is no longer kept.
    clock.advanceSeconds(-1);
    expect(b?.isCurrent()).toBe(false);
  });

  test('shares one lookup with concurrent callers, and a failed one with none that come later', async () => {
    let isDown = true;
    const issuers = resolving(() => (isDown ? Promise.reject(new Error('down')) : silent(A)));
    const outcomes = await Promise.allSettled([issuers.find(A, ''), issuers.find(A, '')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(lookups).toHaveLength(1);
    isDown = false;
    expect(await issuers.find(A, '')).toBeDefined();
    expect(lookups).toHaveLength(2);
  });

  test('warns of its keys as soon as the service is open', async () => {
    const warnings: string[] = [];
    const issuers = resolving((name) =>
      silent(name, { fetch: () => Promise.reject(new Error('no such host')) }),
    );
    await issuers.find('https://early.test', '');
    await settled();
    expect(warnings).toStrictEqual([]);
    issuers.open((text) => warnings.push(text));
    await issuers.find(A, '');
    await settled();
    await settled();
    expect(warnings).toEqual([expect.stringContaining(A)]);
  });

  test('can be told again without a lookup, for the tenant of a request', async () => {
    const issuers = resolving((name) => silent(name), { tenantOf: ({ target }) => target });
    const issuer = await issuers.find(A, '/');
    expect(issuers.found(A, REQUEST)).toBe(issuer);
    expect(issuers.found(A, { ...REQUEST, target: '/b' })).toBeUndefined();
    expect(lookups).toHaveLength(1);
  });
});

describe('a name that the app does not know (B10)', () => {
  test.each([
    [10, 3600],
    [5, 5],
  ])(
    'is asked for again after %i seconds if answers are good for %i',
    async (seconds, lookupMaxAgeSeconds) => {
      const issuers = resolving(() => undefined, { lookupMaxAgeSeconds });
      expect(await issuers.find(A, '')).toBeUndefined();
      clock.advanceSeconds(seconds - 0.001);
      expect(await issuers.find(A, '')).toBeUndefined();
      expect(lookups).toHaveLength(1);
      clock.advanceSeconds(0.001);
      expect(await issuers.find(A, '')).toBeUndefined();
      expect(lookups).toHaveLength(2);
    },
  );

  test('is kept with as many others as there may be issuers', async () => {
    const issuers = resolving(() => undefined, { maxIssuers: 2 });
    for (const name of ['1', '2', '1', '2']) await issuers.find(name, '');
    expect(lookups).toEqual([' 1', ' 2']);
    await issuers.find('3', '');
    for (const name of ['1', '2', '3']) await issuers.find(name, '');
    expect(lookups.length).toBeGreaterThan(3);
  });

  test('is kept in 512 bytes for each, two for each character', async () => {
    const issuers = resolving(() => undefined, { maxIssuers: 2 });
    const long = (length: number) => 'a'.repeat(length - '["",""]'.length);
    for (const name of [long(256), long(256), long(512), long(512)]) await issuers.find(name, '');
    expect(lookups).toHaveLength(2);
    for (const name of [long(513), long(513)]) await issuers.find(name, '');
    expect(lookups).toHaveLength(4);
  });

  test('is not asked for if it has more than 1,024 characters', async () => {
    const issuers = resolving(() => undefined);
    expect(await issuers.find('a'.repeat(1025), '')).toBeUndefined();
    expect(lookups).toStrictEqual([]);
    await issuers.find('a'.repeat(1024), '');
    expect(lookups).toHaveLength(1);
  });
});

describe('a lookup that fails is a failure of the service (B8, B10)', () => {
  const explode = (): never => {
    throw new Error('a secret');
  };

  test.each<[string, () => unknown, string]>([
    ['throws', explode, 'resolveIssuer threw an error'],
    ['rejects', () => Promise.reject(new Error('a secret')), 'resolveIssuer threw an error'],
    [
      'does not settle',
      () => new Promise(() => undefined),
      'resolveIssuer: no answer within lookupTimeoutMs, 5 ms',
    ],
    [
      'returns null',
      () => null,
      'resolveIssuer() must be an object, the options of an issuer: { issuer: "https://auth.example.com", audience: "https://api.example.com" }; or undefined for an issuer that is not trusted',
    ],
    [
      'returns another issuer',
      () => ({ issuer: 'https://b.test', audience: AUDIENCE }),
      'resolveIssuer returned the options of another issuer than the one it was asked for; return undefined for an unknown one',
    ],
    [
      'returns what throws when it is read',
      () => ({
        get issuer(): string {
          throw new Error('a secret');
        },
      }),
      'resolveIssuer returned no options',
    ],
  ])('when it %s', async (_what, resolveIssuer, advice) => {
    const issuers = resolving(resolveIssuer as IssuerResolutionOptions['resolveIssuer'], {
      lookupTimeoutMs: 5,
    });
    const failure = issuers.find(A, '');
    await expect(failure).rejects.toBeInstanceOf(DpopUnavailableError);
    await expect(failure).rejects.toMatchObject({ reason: 'issuer_unavailable', advice });
  });

  test.each<[string, () => string, string]>([
    ['throws', explode, 'tenantOf threw an error'],
    ['returns no text', () => undefined as unknown as string, 'tenantOf must return a string'],
  ])('when tenantOf %s', (_what, tenantOf, advice) => {
    expect(() => resolving(() => undefined, { tenantOf }).tenantOf(REQUEST)).toThrow(
      expect.objectContaining({ reason: 'issuer_unavailable', advice }),
    );
  });

  test('has its cause', async () => {
    await expect(resolving(explode).find(A, '')).rejects.toMatchObject({
      cause: new Error('a secret'),
    });
  });
});

describe('when the service shuts down', () => {
  test('lookups and fetches end', async () => {
    let isPending = false;
    const issuers = resolving((name) => {
      if (!isPending) return silent(name);
      return new Promise(() => undefined);
    });
    await issuers.find(A, '');
    await settled();
    isPending = true;
    const waiting = issuers.find('https://b.test', '');
    issuers.close();
    await expect(waiting).rejects.toMatchObject({
      reason: 'issuer_unavailable',
      advice: 'resolveIssuer: the service shuts down',
    });
    expect(isFetching(A)).toBe(false);
    await expect(issuers.find('https://c.test', '')).rejects.toMatchObject({
      advice: 'resolveIssuer: the service shuts down',
    });
  });
});
