import { describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import type { RevocationEntry } from './deny-list.js';
import { MemoryDenyList, type MemoryDenyListOptions } from './memory-deny-list.js';
import type { RevocableToken } from './revocation.checker.js';

const ISSUER = 'https://auth.example.com';
const LIFETIME_SECONDS = 3600;
/** See `MARGIN_SECONDS`. */
const MARGIN_SECONDS = 1800;

const clock = new HandClock();
const nowSeconds = () => clock.ms / 1000;

function createList(options: Partial<MemoryDenyListOptions> = {}): MemoryDenyList {
  return new MemoryDenyList({
    maxTokenLifetimeSeconds: LIFETIME_SECONDS,
    clock: clock.read,
    ...options,
  });
}

type Claims = Readonly<Record<string, unknown>>;

/** A token that was issued a minute ago and has everything that an entry can name. */
function tokenWith(claims: Claims = {}, members: Partial<RevocableToken> = {}): RevocableToken {
  const { iat = nowSeconds() - 60 } = claims as { readonly iat?: number };
  const all: Claims = {
    iss: ISSUER,
    sub: 'alice',
    jti: 'token-1',
    sid: 'session-1',
    iat,
    exp: iat + LIFETIME_SECONDS,
    ...claims,
  };
  return {
    claims: all,
    issuer: all['iss'] as string | undefined,
    subject: all['sub'] as string | undefined,
    clientId: 'app',
    jkt: 'thumbprint',
    ...members,
  };
}

const KINDS: readonly (readonly [string, RevocationEntry, other: RevocableToken])[] = [
  ['jti', { issuer: ISSUER, jti: 'token-1' }, tokenWith({ jti: 'token-2' })],
  ['sid', { issuer: ISSUER, sid: 'session-1' }, tokenWith({ sid: 'session-2' })],
  ['sub', { issuer: ISSUER, sub: 'alice' }, tokenWith({ sub: 'bob' })],
  ['clientId', { issuer: ISSUER, clientId: 'app' }, tokenWith({}, { clientId: 'other' })],
  ['jkt', { jkt: 'thumbprint' }, tokenWith({}, { jkt: 'another' })],
];

describe('a deny-list (B9)', () => {
  test.each(KINDS)('by %s refuses the token that it names, and no other', async (_kind, entry, other) => {
    const list = createList();
    expect(list.isRevoked(tokenWith())).toBe(false);
    await list.revoke(entry);
    expect(list.isRevoked(tokenWith())).toBe(true);
    expect(list.isRevoked(other)).toBe(false);
  });

  test.each(KINDS.slice(2))(
    'by %s lets a token pass that is issued after the entry',
    async (_kind, entry) => {
      const list = createList();
      await list.revoke(entry);
      expect(list.isRevoked(tokenWith({ iat: nowSeconds() }))).toBe(true);
      expect(list.isRevoked(tokenWith({ iat: nowSeconds() + 1 }))).toBe(false);
    },
  );

  test.each(KINDS.slice(0, 2))('by %s refuses it whenever it was issued', async (_kind, entry) => {
    const list = createList();
    await list.revoke(entry);
    const iat = nowSeconds() + 300;
    expect(list.isRevoked(tokenWith({ iat, exp: iat + 60 }))).toBe(true);
  });

  test('refuses up to issuedBefore, and the later of two counts', async () => {
    const list = createList();
    const sub = { issuer: ISSUER, sub: 'alice' };
    const at = nowSeconds() - 600;
    await list.revoke({ ...sub, issuedBefore: at });
    expect(list.isRevoked(tokenWith({ iat: at }))).toBe(true);
    expect(list.isRevoked(tokenWith({ iat: at + 0.5 }))).toBe(false);
    await list.revoke({ ...sub, issuedBefore: at + 10 });
    await list.revoke({ ...sub, issuedBefore: at - 10 });
    expect(list.isRevoked(tokenWith({ iat: at + 10 }))).toBe(true);
    expect(list.isRevoked(tokenWith({ iat: at + 11 }))).toBe(false);
    expect(list.size).toBe(1);
  });

  test.each(KINDS.slice(0, 4))('by %s says nothing about another issuer', async (_kind, entry) => {
    const list = createList();
    await list.revoke(entry);
    for (const iss of [`${ISSUER}/`, 'https://other.example.com', ISSUER.toUpperCase()]) {
      expect(list.isRevoked(tokenWith({ iss }))).toBe(false);
    }
  });

  test('by jkt refuses the tokens of every issuer', async () => {
    const list = createList();
    await list.revoke({ jkt: 'thumbprint' });
    expect(list.isRevoked(tokenWith({ iss: 'https://other.example.com' }))).toBe(true);
  });

  test('keeps kinds and issuers apart, whatever characters they have', async () => {
    const list = createList();
    await list.revoke({ issuer: 'https://a', sub: 'b","c' });
    await list.revoke({ issuer: 'https://a","b', sub: 'c' });
    await list.revoke({ issuer: 'https://ab', jti: 'c' });
    await list.revoke({ issuer: 'https://a', jti: 'bc' });
    await list.revoke({ issuer: ISSUER, jti: 'thumbprint' });
    await list.revoke({ issuer: ISSUER, sub: '\ud800' });
    const isRevoked = (claims: Claims) => list.isRevoked(tokenWith({ jti: 'x', sub: 'x', ...claims }));
    expect(isRevoked({ iss: 'https://a', sub: 'b","c' })).toBe(true);
    expect(isRevoked({ iss: 'https://a","b', sub: 'c' })).toBe(true);
    expect(isRevoked({ iss: 'https://a', sub: 'b' })).toBe(false);
    expect(isRevoked({ iss: 'https://a', sub: 'c' })).toBe(false);
    expect(isRevoked({ iss: 'https://a', sub: 'bc' })).toBe(false);
    expect(isRevoked({ iss: 'https://a', jti: 'c' })).toBe(false);
    expect(isRevoked({ iss: 'https://ab', sub: 'c' })).toBe(false);
    expect(isRevoked({ sid: 'thumbprint' })).toBe(false);
    expect(isRevoked({ sub: '\ud800' })).toBe(true);
    expect(isRevoked({ sub: '\ud801' })).toBe(false);
    expect(isRevoked({ sub: '\ufffd' })).toBe(false);
  });

  test('of 20,000 entries finds each one, and none of 20,000 that it does not have', async () => {
    const list = createList();
    for (let n = 0; n < 20_000; n += 1) await list.revoke({ issuer: ISSUER, jti: `in-${n}` });
    let found = 0;
    let invented = 0;
    for (let n = 0; n < 20_000; n += 1) {
      if (list.isRevoked(tokenWith({ jti: `in-${n}` }))) found += 1;
      if (list.isRevoked(tokenWith({ jti: `out-${n}` }))) invented += 1;
    }
    expect({ found, invented }).toEqual({ found: 20_000, invented: 0 });
  });

  test('reads claims of another type, and absent ones, as no match', async () => {
    const list = createList();
    await list.revoke({ issuer: ISSUER, jti: '1' });
    await list.revoke({ issuer: ISSUER, sub: 'undefined' });
    for (const claims of [{ jti: 1 }, { jti: ['1'] }, { jti: undefined, sub: undefined }, { sub: null }]) {
      expect(list.isRevoked(tokenWith(claims))).toBe(false);
    }
  });
});

describe('the end of an entry (B9)', () => {
  test.each(KINDS)('by %s comes after the last token that it is about', async (_kind, entry) => {
    clock.advanceSeconds(1);
    const list = createList();
    const token = tokenWith({ iat: nowSeconds(), exp: nowSeconds() + LIFETIME_SECONDS });
    await list.revoke(entry);
    clock.advanceSeconds(LIFETIME_SECONDS + MARGIN_SECONDS - 1);
    await list.revoke({ jkt: 'something else' });
    expect(list.isRevoked(token)).toBe(true);
    clock.advanceSeconds(61);
    await list.revoke({ jkt: 'something else' });
    expect(list.size).toBe(1);
  });

  test('is not before that of an earlier entry about the same', async () => {
    const list = createList();
    await list.revoke({ issuer: ISSUER, sub: 'alice' });
    await list.revoke({ issuer: ISSUER, sub: 'alice', issuedBefore: nowSeconds() - LIFETIME_SECONDS });
    clock.advanceSeconds(LIFETIME_SECONDS);
    const token = tokenWith({ iat: nowSeconds() - LIFETIME_SECONDS, exp: nowSeconds() });
    await list.revoke({ jkt: 'something else' });
    expect(list.isRevoked(token)).toBe(true);
  });

  test('an entry whose tokens have all expired takes no room', async () => {
    const list = createList();
    const issuedBefore = nowSeconds() - LIFETIME_SECONDS - MARGIN_SECONDS;
    await list.revoke({ issuer: ISSUER, sub: 'alice', issuedBefore });
    expect(list.size).toBe(0);
  });

  test.each<[string, Claims]>([
    ['no iat', { iat: undefined }],
    ['an iat of another type', { iat: '1' }],
    ['an infinite iat', { iat: Infinity }],
    ['no exp', { exp: undefined }],
    ['an infinite exp', { exp: Infinity }],
    ['no iss', { iss: undefined }],
    [
      'a longer life than the entries',
      { exp: nowSeconds() - 60 + LIFETIME_SECONDS + 1, iat: nowSeconds() - 60 },
    ],
  ])('a token with %s cannot be judged, even by an empty list', (_what, claims) => {
    expect(createList().isRevoked(tokenWith())).toBe(false);
    expect(() => createList().isRevoked(tokenWith(claims))).toThrow(
      expect.objectContaining({
        reason: 'revocation_undecidable',
        advice: expect.stringMatching(
          /^the access token (has no (iss|iat|exp)|lives for 3601 s), /,
        ) as unknown,
      }),
    );
  });
});

describe('the bound of a deny-list (B9)', () => {
  const FULL = {
    reason: 'revocation_unavailable',
    message: 'The revocation cannot be completed at the moment',
    advice: expect.stringContaining('maxEntries, 2,') as unknown,
  };

  test('a full list takes no new entry, and knows the others as before', async () => {
    const list = createList({ maxEntries: 2 });
    await list.revoke({ issuer: ISSUER, jti: 'token-1' });
    await list.revoke({ issuer: ISSUER, sub: 'bob' });
    await expect(list.revoke({ issuer: ISSUER, sub: 'carol' })).rejects.toMatchObject(FULL);
    expect(list.isRevoked(tokenWith())).toBe(true);
    expect(list.isRevoked(tokenWith({ jti: 'x', sub: 'carol' }))).toBe(false);
    clock.advanceSeconds(120);
    await list.revoke({ issuer: ISSUER, sub: 'bob' });
    expect(list.isRevoked(tokenWith({ jti: 'x', sub: 'bob' }))).toBe(true);
  });

  test('entries that have ended make room at once', async () => {
    const list = createList({ maxEntries: 2 });
    await list.revoke({ issuer: ISSUER, jti: 'a' });
    clock.advanceSeconds(LIFETIME_SECONDS + MARGIN_SECONDS);
    await list.revoke({ issuer: ISSUER, jti: 'b' });
    await list.revoke({ issuer: ISSUER, jti: 'c' });
    await expect(list.revoke({ issuer: ISSUER, jti: 'd' })).rejects.toMatchObject(FULL);
    expect(list.size).toBe(2);
  });
});

describe('what revoke and the constructor take (B9, I4)', () => {
  const issuer = ISSUER;
  const invalid: readonly unknown[] = [
    undefined,
    null,
    'alice',
    [],
    {},
    { issuer },
    { jti: 'a' },
    { sub: 'a' },
    { clientId: 'a' },
    { sid: 'a' },
    { issuer, jti: '' },
    { issuer, jti: 1 },
    { issuer: '', jti: 'a' },
    { issuer: 1, jti: 'a' },
    { issuer, sub: 'a', jti: 'b' },
    { issuer, sub: 'a', client: 'b' },
    { issuer, jti: 'a', issuedBefore: 1 },
    { issuer, sid: 'a', issuedBefore: 1 },
    { issuer, jkt: 'a' },
    { issuer, sub: 'a', issuedBefore: Number.NaN },
    { issuer, sub: 'a', issuedBefore: Infinity },
    { issuer, sub: 'a', issuedBefore: -1 },
    { issuer, sub: 'a', issuedBefore: null },
    { issuer, sub: 'a', issuedBefore: '1' },
    { issuer, sub: 'a', issuedBefore: new Date(0) },
    { issuer, sub: 'a', issuedBefore: clock.ms },
    { issuer, sub: 'a', issuedBefore: nowSeconds() + 60_000 },
  ];

  test.each(invalid)('the entry %j is a TypeError, and changes nothing', async (entry) => {
    const list = createList();
    await expect(list.revoke(entry as RevocationEntry)).rejects.toThrow(TypeError);
    expect(list.size).toBe(0);
  });

  test('the error names the form and no value', async () => {
    // @ts-expect-error the types refuse it, too
    const entry: RevocationEntry = { issuer, sub: 'alice@example.com', jti: 'b' };
    const error = await createList()
      .revoke(entry)
      .catch((thrown: unknown) => thrown as Error);
    expect(error?.message).toContain('{ issuer, sub, issuedBefore? }');
    expect(error?.message).not.toContain('alice');
  });

  test.each([
    [undefined, 'MemoryDenyList options must be an object with maxTokenLifetimeSeconds'],
    [{}, 'maxTokenLifetimeSeconds must be an integer from 1 to'],
    [{ maxTokenLifetimeSeconds: 0 }, 'maxTokenLifetimeSeconds must be an integer'],
    [{ maxTokenLifetimeSeconds: '3600' }, 'maxTokenLifetimeSeconds must be an integer'],
    [{ maxTokenLifetimeSeconds: 60, maxEntries: 0 }, 'maxEntries must be an integer from 1 to 10000000'],
    [{ maxTokenLifetimeSeconds: 60, clock: 1 }, 'clock must be a function'],
    [{ maxTokenLifetimeSeconds: 60, maxEntry: 1 }, 'MemoryDenyList options has no option "maxEntry"'],
  ])('the options %j are a TypeError that says why', (options, message) => {
    expect(() => new MemoryDenyList(options as MemoryDenyListOptions)).toThrow(message);
  });

  test('its clock is that of the module, unless it has its own; and it says at start what it does not do', async () => {
    const lines: string[] = [];
    const list = new MemoryDenyList({ maxTokenLifetimeSeconds: LIFETIME_SECONDS });
    list.open((text) => lines.push(text), clock.read);
    await list.revoke({ issuer, sub: 'alice' });
    expect(list.isRevoked(tokenWith({ iat: nowSeconds() }))).toBe(true);
    expect(list.isRevoked(tokenWith({ iat: nowSeconds() + 1 }))).toBe(false);
    expect(lines).toEqual([expect.stringContaining('RedisDenyList')]);
  });
});
