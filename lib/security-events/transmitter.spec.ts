import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { parseCompactJws } from '../jws/compact-jws.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import { TestIssuer } from '../testing/index.js';
import type { TransmitterOptions } from './security-events-options.js';
import { type PresentedEventToken, Transmitter } from './transmitter.js';

const AUDIENCE = 'https://api.test/events';
const clock = new HandClock();
let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await TestIssuer.create({ clock: clock.read });
});

const create = (changes: Partial<TransmitterOptions> = {}): Transmitter =>
  new Transmitter({ issuer: issuer.issuer, audience: AUDIENCE, keys: issuer.keys, ...changes }, clock.read);

async function present(claims: object = {}, header: object = {}): Promise<PresentedEventToken> {
  const text = await issuer.issueToken({
    header: { typ: 'secevent+jwt' },
    claims: { aud: AUDIENCE, exp: undefined, events: { 'urn:x': {} }, ...claims },
  });
  const jws = parseCompactJws(text);
  const [parsed, payload] = [jws && parseJsonSegment(jws.header), jws && parseJsonSegment(jws.payload)];
  if (jws === undefined || parsed === undefined || payload === undefined) throw new Error('no JWS');
  return { jws, header: { ...parsed, ...header }, claims: payload };
}

describe('a transmitter (B9)', () => {
  test('has the issuers that it may revoke: itself, unless there are others', () => {
    const resolveSubject = () => [];
    expect(create()).toMatchObject({ issuer: issuer.issuer, subjectIssuers: [issuer.issuer] });
    expect(create().resolveSubject).toBeUndefined();
    expect(create({ subjectIssuers: ['https://b.test'], resolveSubject })).toMatchObject({
      issuer: issuer.issuer,
      subjectIssuers: ['https://b.test'],
      resolveSubject,
    });
  });

  test('accepts its tokens for one of its audiences', async () => {
    const presented = await present({ jti: 'x' });
    expect(await create().verify(presented)).toMatchObject({ jti: 'x' });
    expect(await create({ audience: ['x', AUDIENCE] }).verify(presented)).toMatchObject({ jti: 'x' });
    await expect(create({ audience: ['x', 'y'] }).verify(presented)).rejects.toMatchObject({
      reason: 'audience',
      details: { expected: ['x', 'y'] },
    });
  });

  test.each<[string, object, string]>([
    ['crit', { crit: ['b64'] }, 'crit'],
    ['an empty crit', { crit: null }, 'crit'],
    ['alg none', { alg: 'none' }, 'alg'],
    ['no alg', { alg: undefined }, 'alg'],
    ['a list as alg', { alg: ['ES256'] }, 'alg'],
    ['a number as kid', { kid: 1 }, 'kid'],
    ['null as kid', { kid: null }, 'kid'],
    ['a kid of 513 characters', { kid: 'x'.repeat(513) }, 'kid'],
    ['a kid of 512 characters, of no key', { kid: 'x'.repeat(512) }, 'key'],
    ['an alg without a key', { alg: 'RS256' }, 'key'],
  ])('refuses %s', async (_what, header, reason) => {
    await expect(create().verify(await present({}, header))).rejects.toMatchObject({
      name: 'SecurityEventError',
      reason,
    });
  });

  test('takes a token without kid, and says which algorithms it takes', async () => {
    expect(await create().verify(await present({}, { kid: undefined }))).toBeDefined();
    await expect(create({ algorithms: ['PS256'] }).verify(await present())).rejects.toMatchObject({
      reason: 'alg',
      details: { expected: ['PS256'] },
    });
    await expect(create().verify(await present({}, { alg: 'x' }))).rejects.toMatchObject({
      details: { expected: expect.arrayContaining(['ES256', 'EdDSA', 'RS256']) },
    });
  });

  test('refuses a signature of another key, and claims that were changed', async () => {
    const other = await TestIssuer.create({ clock: clock.read });
    const presented = await present();
    const [key] = issuer.keys.keys;
    const keys = { keys: other.keys.keys.map((jwk) => ({ ...jwk, kid: key?.kid as string })) };
    await expect(create({ keys }).verify(presented)).rejects.toMatchObject({ reason: 'signature' });
    expect(await create({ keys: issuer.keys }).verify(presented)).toBeDefined();
  });

  test('has the tolerance of its options, 10 seconds by default, and the clock of the module', async () => {
    const seconds = clock.ms / 1000;
    const verify = async (tolerance: object, iat: number) => create(tolerance).verify(await present({ iat }));
    expect(await verify({}, seconds + 10)).toBeDefined();
    await expect(verify({}, seconds + 11)).rejects.toMatchObject({
      reason: 'iat',
      details: { offBySeconds: 1 },
    });
    expect(await verify({ clockToleranceSeconds: 60 }, seconds + 60)).toBeDefined();
    await expect(verify({ clockToleranceSeconds: 0 }, seconds + 1)).rejects.toMatchObject({ reason: 'iat' });
  });
});

describe('the keys of a transmitter (B9)', () => {
  test('are fetched once more for a name that may be newer, and until then it is not refused', async () => {
    const fetch = () => Promise.resolve(Response.json(issuer.keys));
    const transmitter = create({
      keys: undefined as never,
      jwksUri: 'https://a.test/jwks',
      fetch,
    });
    expect(await transmitter.verify(await present())).toBeDefined();
    const unknown = async (iat: number) => transmitter.verify(await present({ iat }, { kid: 'unknown' }));
    await expect(unknown(clock.ms / 1000 - 60)).rejects.toMatchObject({ reason: 'key' });
    await expect(unknown(clock.ms / 1000)).rejects.toMatchObject({ reason: 'issuer_unavailable' });
  });

  test('are none if they are too weak to be trusted', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'weak', alg: 'RS256' }] };
    const presented = await present({}, { kid: 'weak', alg: 'RS256' });
    await expect(create({ keys }).verify(presented)).rejects.toMatchObject({ reason: 'key' });
  });

  /** The URLs that are asked for metadata, in order, if none has any. */
  async function asked(of: string): Promise<readonly string[]> {
    const urls: string[] = [];
    const fetch = (url: unknown) => {
      urls.push(String(url));
      return Promise.resolve(new Response(undefined, { status: 404 }));
    };
    const warnings: string[] = [];
    const transmitter = new Transmitter({ issuer: of, audience: 'x', fetch }, clock.read);
    await transmitter.open((text) => warnings.push(text));
    expect(warnings).toEqual([expect.stringContaining(`the keys of the issuer ${of} cannot be fetched`)]);
    transmitter.close();
    return urls;
  }

  test.each<[string, readonly string[]]>([
    ['https://a.test', ['https://a.test/.well-known/ssf-configuration']],
    ['https://a.test/', ['https://a.test/.well-known/ssf-configuration']],
    [
      'https://a.test/b/c/',
      [
        'https://a.test/.well-known/ssf-configuration/b/c',
        'https://a.test/b/c/.well-known/ssf-configuration',
      ],
    ],
  ])('are found by the metadata of %s', async (of, urls) => {
    expect(await asked(of)).toEqual(urls);
  });

  test('are looked up no more once it is closed, without a warning', async () => {
    const warnings: string[] = [];
    const pending = (_url: unknown, init: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => {
        init.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    const transmitter = create({ keys: undefined as never, fetch: pending as never });
    const opening = transmitter.open((text) => warnings.push(text));
    transmitter.close();
    await opening;
    expect(warnings).toStrictEqual([]);
  });
});
