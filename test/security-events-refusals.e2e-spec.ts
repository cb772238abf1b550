import { createHmac, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MemoryDenyList, type RevocationEntry } from '../lib/index.js';
import { TestIssuer } from '../lib/testing/index.js';
import { HandClock } from './support/hand-clock.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { sendRaw, valuesOf } from './support/raw-request.js';
import { closeApps, type RunningApp } from './support/running-app.js';
import {
  EventScene,
  MEDIA_TYPE,
  pushChunks,
  SECRET,
  SESSION_REVOKED,
  type SetOptions,
} from './support/security-events.js';

let scene: EventScene;
let foreign: TestIssuer;
const entries: RevocationEntry[] = [];

class RecordingDenyList extends MemoryDenyList {
  override async revoke(entry: RevocationEntry): Promise<void> {
    entries.push(entry);
    await super.revoke(entry);
  }
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const OTHER = 'https://other.example.com';

/** Claims, or a header, that change one thing of a token that is accepted. */
const CHANGES: readonly (readonly [what: string, change: SetOptions, err: string, reason: string])[] = [
  ['typ of an access token', { header: { typ: 'at+jwt' } }, 'invalid_request', 'typ'],
  ['typ JWT', { header: { typ: 'JWT' } }, 'invalid_request', 'typ'],
  ['no typ', { header: { typ: undefined } }, 'invalid_request', 'typ'],
  ['an unknown kid', { header: { kid: 'unknown' } }, 'invalid_key', 'key'],
  ['another transmitter', { claims: { iss: OTHER } }, 'invalid_issuer', 'issuer'],
  ['no iss', { claims: { iss: undefined } }, 'invalid_issuer', 'issuer'],
  ['an array as iss', { claims: { iss: ['https://issuer.test'] } }, 'invalid_issuer', 'issuer'],
  ['another audience', { claims: { aud: OTHER } }, 'invalid_audience', 'audience'],
  ['no aud', { claims: { aud: undefined } }, 'invalid_audience', 'audience'],
  ['no jti', { claims: { jti: undefined } }, 'invalid_request', 'jti'],
  ['an empty jti', { claims: { jti: '' } }, 'invalid_request', 'jti'],
  ['a number as jti', { claims: { jti: 1 } }, 'invalid_request', 'jti'],
  ['no iat', { claims: { iat: undefined } }, 'invalid_request', 'iat'],
  ['a text as iat', { claims: { iat: '1893456000' } }, 'invalid_request', 'iat'],
  ['iat in the future', { claims: { iat: 1_893_456_011 } }, 'invalid_request', 'iat'],
  ['exp in the past', { claims: { exp: 1_893_455_990 } }, 'invalid_request', 'exp'],
  ['a text as exp', { claims: { exp: 'never' } }, 'invalid_request', 'exp'],
  ['nbf in the future', { claims: { nbf: 1_893_456_011 } }, 'invalid_request', 'nbf'],
  ['no events', { claims: { events: undefined } }, 'invalid_request', 'events_missing'],
  ['an empty object as events', { claims: { events: {} } }, 'invalid_request', 'events_missing'],
  ['an array as events', { claims: { events: [SESSION_REVOKED] } }, 'invalid_request', 'events'],
  [
    'an event that is no object',
    { claims: { events: { [SESSION_REVOKED]: true } } },
    'invalid_request',
    'events',
  ],
  ['a type that is no URI', { claims: { events: { 'session-revoked': {} } } }, 'invalid_request', 'events'],
  ['no subject', { claims: { sub_id: undefined } }, 'invalid_request', 'subject_missing'],
  ['a text as subject', { claims: { sub_id: 'alice' } }, 'invalid_request', 'subject'],
  ['a subject without format', { claims: { sub_id: { sub: 'alice' } } }, 'invalid_request', 'subject'],
  [
    'a subject without sub',
    { claims: { sub_id: { format: 'iss_sub', iss: 'https://issuer.test' } } },
    'invalid_request',
    'subject',
  ],
  ['an empty id', { claims: { sub_id: { format: 'opaque', id: '' } } }, 'invalid_request', 'subject'],
  ['no alias', { claims: { sub_id: { format: 'aliases', identifiers: [] } } }, 'invalid_request', 'subject'],
  [
    'a text as user',
    { claims: { sub_id: { format: 'complex', user: 'alice' } } },
    'invalid_request',
    'subject',
  ],
  [
    'a text as session',
    { claims: { sub_id: { format: 'complex', session: 's' } } },
    'invalid_request',
    'subject',
  ],
  [
    'a subject of another issuer',
    { claims: { sub_id: { format: 'iss_sub', iss: OTHER, sub: 'alice' } } },
    'access_denied',
    'foreign_subject',
  ],
  [
    'a token of another issuer',
    { claims: { sub_id: { format: 'jwt_id', iss: OTHER, jti: 'a' } } },
    'access_denied',
    'foreign_subject',
  ],
  [
    'a session of another issuer',
    { claims: { sub_id: { format: 'complex', session: { format: 'iss_sub', iss: OTHER, sub: 'a' } } } },
    'access_denied',
    'foreign_subject',
  ],
  [
    'aliases of another issuer',
    { claims: { sub_id: { format: 'aliases', identifiers: [{ format: 'iss_sub', iss: OTHER, sub: 'a' }] } } },
    'access_denied',
    'foreign_subject',
  ],
];

describe.each(PLATFORMS)('a Security Event Token that is refused on %s (B9)', (platform: Platform) => {
  let app: RunningApp;
  let token: string;

  beforeAll(async () => {
    scene = await EventScene.create(new HandClock());
    foreign = await TestIssuer.create({ clock: scene.clock.read });
    app = await scene.start(platform, { denyList: new RecordingDenyList({ maxTokenLifetimeSeconds: 3600 }) });
    token = await scene.issue();
  });
  afterAll(closeApps);

  async function expectRefusal(
    set: string | Uint8Array,
    expected: { readonly status?: number; readonly err: string; readonly reason?: string },
    headers: Readonly<Record<string, string | undefined>> = {},
  ): Promise<void> {
    entries.length = 0;
    const { status, body, headers: answered, challenge } = await scene.push(app, set, headers);
    expect({ status, body }).toEqual({
      status: expected.status ?? 400,
      body: { err: expected.err, description: expect.stringMatching(/^[\x20-\x7e]{10,90}$/) },
    });
    expect(answered.get('content-language')).toBe('en');
    expect(answered.get('content-type')).toContain('application/json');
    expect(challenge).toBeNull();
    expect(entries).toStrictEqual([]);
    if (expected.reason !== undefined) expect(scene.logger.text).toContain(`(${expected.reason})`);
  }

  test('starts from one that is accepted, and nothing that follows revokes the token', async () => {
    entries.length = 0;
    const bob = { format: 'iss_sub', iss: scene.issuer.issuer, sub: 'bob' };
    expect(await scene.push(app, await scene.sign({ claims: { sub_id: bob } }))).toMatchObject({
      status: 202,
    });
    expect(entries).toHaveLength(1);
    expect(await scene.statusOf(app, token)).toBe(200);
  });

  test.each(CHANGES)('for %s', async (_what, change, err, reason) => {
    await expectRefusal(await scene.sign(change), { err, reason });
  });

  test('for a signature of another key, of no key, and of a shared secret', async () => {
    const set = await scene.sign();
    const [header = '', payload = '', signature = ''] = set.split('.');
    const { kid, ...rest } = JSON.parse(Buffer.from(header, 'base64url').toString()) as Record<
      string,
      unknown
    >;
    const sign = (alg: string) => {
      const input = `${encode({ ...rest, kid, alg })}.${payload}`;
      const key = JSON.stringify(scene.keys.keys[0]);
      return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
    };
    await expectRefusal(
      await foreign.issueToken({
        header: { typ: 'secevent+jwt', kid },
        claims: JSON.parse(Buffer.from(payload, 'base64url').toString()) as object as Record<string, unknown>,
      }),
      { err: 'authentication_failed', reason: 'signature' },
    );
    await expectRefusal(`${header}.${encode({ a: 1 })}.${signature}`, { err: 'invalid_issuer' });
    await expectRefusal(sign('HS256'), { err: 'invalid_key', reason: 'alg' });
    await expectRefusal(sign('none'), { err: 'invalid_key', reason: 'alg' });
    await expectRefusal(`${encode({ ...rest, kid, alg: 'none' })}.${payload}.`, {
      err: 'invalid_request',
      reason: 'form',
    });
    await expectRefusal(`${encode({ ...rest, kid, crit: ['b64'] })}.${payload}.${signature}`, {
      err: 'invalid_request',
      reason: 'crit',
    });
    await expectRefusal(`${header}.${payload}.${encode('x'.repeat(64))}`, { err: 'authentication_failed' });
  });

  test('for an access token of the transmitter', async () => {
    await expectRefusal(token, { err: 'invalid_request', reason: 'typ' });
  });

  test.each<[string, (set: string) => string | Uint8Array]>([
    ['nothing', () => ''],
    ['a line break behind it', (set) => `${set}\n`],
    ['two of them', (set) => `${set} ${set}`],
    ['quotation marks', (set) => `"${set}"`],
    ['an array', (set) => JSON.stringify([set])],
    ['four segments', (set) => `${set}.a`],
    ['two segments', (set) => set.split('.', 2).join('.')],
    ['NUL', (set) => `${set}\0`],
    ['random octets', () => randomBytes(2000)],
    ['a header that is no object', (set) => set.replace(/^[^.]+/, encode('[]'))],
    [
      'deep nesting',
      (set) => set.replace(/\.[^.]+\./, `.${encode(`{"iss":${'['.repeat(9000)}${']'.repeat(9000)}}`)}.`),
    ],
    ['__proto__', (set) => set.replace(/^[^.]+/, encode('{"__proto__":{"typ":"secevent+jwt"}}'))],
    [
      'a claim set that is not UTF-8',
      (set) => set.replace(/\.[^.]+\./, `.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.`),
    ],
  ])('for %s', async (_what, change) => {
    const { status, body } = await scene.push(app, change(await scene.sign()));
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { err: expect.stringMatching(/^invalid_/) },
    });
  });

  test.each([undefined, '', 'Bearer 0123456789abcdee', `${SECRET}0`, SECRET.toLowerCase(), SECRET.slice(7)])(
    'for the Authorization %j',
    async (authorization) => {
      await expectRefusal(
        await scene.sign(),
        { err: 'authentication_failed', reason: 'authorization' },
        { authorization },
      );
    },
  );

  test('for another content type or an encoding', async () => {
    const set = await scene.sign();
    const json = await scene.push(app, JSON.stringify({ set }), { 'content-type': 'application/json' });
    expect(json).toMatchObject({ status: 415, body: { err: 'invalid_request' } });
    for (const type of ['application/jwt', 'text/plain', 'application/secevent+jwt2', undefined]) {
      expect((await scene.push(app, set, { 'content-type': type })).status).toBe(415);
    }
    await expectRefusal(set, { status: 415, err: 'invalid_request' }, { 'content-encoding': 'gzip' });
    expect(
      await scene.push(app, set, { 'content-type': `${MEDIA_TYPE.toUpperCase()}; charset=utf-8` }),
    ).toMatchObject({
      status: 202,
    });
  });

  test('for its size, declared or not and before its end, and the largest one is read', async () => {
    await expectRefusal('x'.repeat(65_537), { status: 413, err: 'invalid_request', reason: 'size' });
    await expectRefusal('x'.repeat(65_536), { err: 'invalid_request', reason: 'form' });
    const unended = `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n`;
    const text = await pushChunks(app.port, unended);
    expect(text).toMatch(/^HTTP\/1\.1 413 .*"err":"invalid_request"/s);
    expect(text).toMatch(/\r\nconnection: close\r\n/i);
  });

  test('with nothing of it in the answer or in the log', async () => {
    const set = await scene.sign({ claims: { jti: 'secret-jti', iss: 'https://secret.example' } });
    const answer = await scene.push(app, set);
    for (const place of [JSON.stringify(answer.body), scene.logger.text]) {
      expect(place).not.toContain('secret-jti');
      expect(place).not.toContain('secret.example');
      expect(place).not.toContain(set.slice(0, 40));
      expect(place).not.toContain(SECRET);
    }
  });

  test('and one that is cut off harms nobody', async () => {
    const socket = connect(app.port, '127.0.0.1');
    await new Promise((resolve) =>
      socket.write(
        `POST /security-events HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${MEDIA_TYPE}\r\nAuthorization: ${SECRET}\r\nContent-Length: 100\r\n\r\nabc`,
        resolve,
      ),
    );
    await new Promise((resolve) => socket.once('close', resolve).destroy());
    expect(await scene.push(app, await scene.sign())).toMatchObject({ status: 202 });
    expect(
      valuesOf(await sendRaw(app.port, { fields: [['Host', 'localhost']] }), 'www-authenticate'),
    ).toHaveLength(1);
  });
});
