import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  BadRequestException,
  Injectable,
  Module,
  type NestInterceptor,
  VersioningType,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { map } from 'rxjs';
import { MemoryDenyList } from '../lib/index.js';
import { RedisDenyList } from '../lib/redis/index.js';
import { SecurityEventsModule, type TransmitterOptions } from '../lib/security-events/index.js';
import { SharedRedis } from './redis/shared-redis.js';
import { HandClock } from './support/hand-clock.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';
import {
  ACCOUNT_DISABLED,
  CREDENTIAL_CHANGE,
  EventScene,
  MEDIA_TYPE,
  pushChunks,
  RECEIVER,
  SECRET,
  SESSION_REVOKED,
} from './support/security-events.js';

interface Parsers {
  addContentTypeParser(
    type: string,
    options: object,
    parser: (request: unknown, body: unknown, done: (error: null, body: unknown) => void) => void,
  ): void;
}

let scene: EventScene;
const opened: { close(): unknown }[] = [];

beforeEach(async () => {
  scene = await EventScene.create(new HandClock());
});
afterEach(async () => {
  await closeApps();
  for (const resource of opened.splice(0)) await resource.close();
});

const ACCEPTED = { status: 202, body: '', challenge: null };

describe.each(PLATFORMS)('a pushed event on %s (B9)', (platform: Platform) => {
  test('refuses a token that was accepted a moment ago, and lets later ones and those of others pass', async () => {
    const app = await scene.start(platform);
    const [token, other] = [await scene.issue(), await scene.issue({ sub: 'bob' })];
    expect(await scene.statusOf(app, token)).toBe(200);
    expect(await scene.push(app, await scene.sign())).toMatchObject(ACCEPTED);
    expect(await scene.statusOf(app, token)).toBe(401);
    expect(await scene.statusOf(app, other)).toBe(200);
    scene.clock.advanceSeconds(1);
    expect(await scene.statusOf(app, await scene.issue())).toBe(200);
  });

  test('of a session refuses the tokens with its sid, now and later', async () => {
    const app = await scene.start(platform);
    const token = await scene.issue({ sid: 's1', sub: 'carol' });
    const sub_id = { format: 'opaque', id: 's1' };
    expect(await scene.statusOf(app, token)).toBe(200);
    expect(await scene.push(app, await scene.sign({ claims: { sub_id } }))).toMatchObject(ACCEPTED);
    expect(await scene.statusOf(app, token)).toBe(401);
    scene.clock.advanceSeconds(60);
    expect(await scene.statusOf(app, await scene.issue({ sid: 's1', sub: 'carol' }))).toBe(401);
    expect(await scene.statusOf(app, await scene.issue({ sid: 's2', sub: 'carol' }))).toBe(200);
  });

  test('has its subject in the event itself where the transmitter follows a draft', async () => {
    const app = await scene.start(platform);
    const token = await scene.issue();
    const subject = { subject_type: 'iss-sub', iss: scene.issuer.issuer, sub: 'alice' };
    const claims = { sub_id: undefined, events: { [ACCOUNT_DISABLED]: { subject } } };
    expect(await scene.push(app, await scene.sign({ claims }))).toMatchObject(ACCEPTED);
    expect(await scene.statusOf(app, token)).toBe(401);
  });

  test('is taken where the app has a prefix, versions, a pipe, a filter and an interceptor, and its answers are the same', async () => {
    @Catch()
    class Filter implements ExceptionFilter {
      catch(_error: unknown, host: ArgumentsHost): void {
        const response = host
          .switchToHttp()
          .getResponse<{ status(code: number): { send(body: unknown): void } }>();
        response.status(418).send({ filtered: true });
      }
    }
    @Injectable()
    class Interceptor implements NestInterceptor {
      intercept: NestInterceptor['intercept'] = (_context, next) =>
        next.handle().pipe(map((data: unknown) => ({ data })));
    }
    const app = await scene.start(platform, {
      before: (nest) => {
        nest.setGlobalPrefix('api');
        nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        nest.useGlobalPipes({
          transform: () => {
            throw new BadRequestException();
          },
        });
        nest.useGlobalFilters(new Filter());
        nest.useGlobalInterceptors(new Interceptor());
      },
    });
    const path = '/api/security-events';
    expect(await scene.push(app, await scene.sign(), {}, path)).toMatchObject(ACCEPTED);
    expect(await scene.push(app, 'x', {}, path)).toMatchObject({
      status: 400,
      body: { err: 'invalid_request' },
    });
    expect(await scene.push(app, await scene.sign(), { authorization: undefined }, path)).toMatchObject({
      status: 400,
      body: { err: 'authentication_failed' },
    });
  });

  test('is read from the stream beside rawBody, and from a body parser of the app that took it', async () => {
    const type = MEDIA_TYPE;
    const adapters = [
      (nest: { useBodyParser(...parameters: unknown[]): unknown }) =>
        platform === 'express' ? nest.useBodyParser('text', { type }) : nest.useBodyParser(type),
      (nest: { useBodyParser(...parameters: unknown[]): unknown }) =>
        platform === 'express' ? nest.useBodyParser('raw', { type }) : nest.useBodyParser('*'),
    ];
    for (const parse of adapters) {
      const app = await scene.start(platform, { before: (nest) => parse(nest as never) });
      const token = await scene.issue();
      expect(await scene.push(app, await scene.sign())).toMatchObject(ACCEPTED);
      expect(await scene.statusOf(app, token)).toBe(401);
      expect(await scene.push(app, 'x'.repeat(65_537))).toMatchObject({ status: 413 });
      const large = `${(65_537).toString(16)}\r\n${'x'.repeat(65_537)}\r\n0\r\n\r\n`;
      expect(await pushChunks(app.port, large)).toContain('HTTP/1.1 413 ');
    }
  });

  test('that a body parser of the app has read and thrown away is answered 503', async () => {
    const app = await scene.start(platform, {
      before: (nest) => {
        if (platform === 'express') {
          nest.use((request: IncomingMessage, _response: unknown, next: () => void) => {
            request.once('end', next).resume();
          });
          return;
        }
        const fastify = nest.getHttpAdapter().getInstance() as Parsers;
        const options = { parseAs: 'string' };
        fastify.addContentTypeParser(MEDIA_TYPE, options, (_request, _body, done) => done(null, {}));
      },
    });
    expect(await scene.push(app, await scene.sign())).toMatchObject({
      status: 503,
      body: '',
      retryAfter: '1',
    });
    expect(scene.logger.text).toContain('a body parser of the app has read the Security Event Token');
  });

  test('that is repeated is acknowledged and not applied again', async () => {
    const entries: unknown[] = [];
    class Counting extends MemoryDenyList {
      override async revoke(entry: Parameters<MemoryDenyList['revoke']>[0]): Promise<void> {
        entries.push(entry);
        await super.revoke(entry);
      }
    }
    const app = await scene.start(platform, { denyList: new Counting({ maxTokenLifetimeSeconds: 3600 }) });
    const set = await scene.sign();
    for (let time = 0; time < 3; time += 1) expect(await scene.push(app, set)).toMatchObject(ACCEPTED);
    expect(entries).toEqual([{ issuer: scene.issuer.issuer, sub: 'alice', issuedBefore: scene.nowSeconds }]);
    expect(await scene.push(app, await scene.sign({ claims: { jti: 'another' } }))).toMatchObject(ACCEPTED);
    expect(entries).toHaveLength(2);
  });

  test('that the deny-list does not take is answered 503, and taken when it is sent again', async () => {
    let isFull = true;
    class Full extends MemoryDenyList {
      override async revoke(entry: Parameters<MemoryDenyList['revoke']>[0]): Promise<void> {
        if (isFull) throw new Error('alice');
        await super.revoke(entry);
      }
    }
    const app = await scene.start(platform, { denyList: new Full({ maxTokenLifetimeSeconds: 3600 }) });
    const [token, set] = [await scene.issue(), await scene.sign()];
    const answer = await scene.push(app, set);
    expect(answer).toMatchObject({ status: 503, body: '', retryAfter: '1' });
    expect(scene.logger.text).toContain('the deny-list did not take an entry');
    expect(scene.logger.text).not.toContain('alice');
    isFull = false;
    expect(await scene.push(app, set)).toMatchObject(ACCEPTED);
    expect(await scene.statusOf(app, token)).toBe(401);
  });

  test('is verified with keys that are found by the metadata of the transmitter, and answered 503 without them', async () => {
    scene = await EventScene.create(new HandClock(), true);
    opened.push(scene.issuer);
    const transmitters = [{ issuer: scene.issuer.issuer, audience: RECEIVER }];
    const app = await scene.start(platform, { events: { transmitters } });
    scene.issuer.outageStatus = 500;
    await scene.issuer.rotateKey({ keepOld: false });
    const set = await scene.sign();
    const answer = await scene.push(app, set);
    expect(answer).toMatchObject({ status: 503, body: '' });
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    scene.issuer.outageStatus = undefined;
    scene.clock.advanceSeconds(60);
    expect(await scene.push(app, set)).toMatchObject(ACCEPTED);
  });
});

describe('what an event revokes (B9)', () => {
  const complex = (parts: object) => ({ format: 'complex', ...parts });
  const byIssuer = (sub: string) => ({ format: 'iss_sub', iss: scene.issuer.issuer, sub });
  const opaque = (id: string) => ({ format: 'opaque', id });

  async function revokedBy(claims: Readonly<Record<string, unknown>>, events = {}) {
    const list = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600, clock: scene.clock.read });
    const app = await scene.start('express', { denyList: list, events });
    const token = await scene.issue({ sid: 's1', jti: 't1' });
    expect(await scene.push(app, await scene.sign({ claims }))).toMatchObject({ status: 202 });
    return { isRevoked: (await scene.statusOf(app, token)) === 401, entries: list.size };
  }

  test.each<[string, string, () => object]>([
    ['a session', SESSION_REVOKED, () => complex({ session: opaque('s1') })],
    ['a user', SESSION_REVOKED, () => complex({ user: byIssuer('alice'), device: opaque('d') })],
    ['a user, in a draft', SESSION_REVOKED, () => ({ user: byIssuer('alice') })],
    [
      'a session that does not match, and its user',
      SESSION_REVOKED,
      () => complex({ user: byIssuer('alice'), session: opaque('s2') }),
    ],
    ['a token', SESSION_REVOKED, () => ({ format: 'jwt_id', iss: scene.issuer.issuer, jti: 't1' })],
    [
      'aliases',
      ACCOUNT_DISABLED,
      () => ({
        format: 'aliases',
        identifiers: [
          { format: 'email', email: 'a@b.c' },
          { format: 'iss_sub', iss: 'https://other.example', sub: 'x' },
          byIssuer('alice'),
        ],
      }),
    ],
    ['an opaque user', ACCOUNT_DISABLED, () => opaque('alice')],
    ['an opaque user of a changed credential', CREDENTIAL_CHANGE, () => opaque('alice')],
  ])('%s in %s', async (_what, type, subject) => {
    const events = { [type]: { change_type: 'revoke' } };
    expect(await revokedBy({ sub_id: subject(), events })).toMatchObject({ isRevoked: true });
  });

  test.each<[string, string, object, () => object]>([
    ['a session of another name', SESSION_REVOKED, {}, () => complex({ session: opaque('s2') })],
    ['a device', SESSION_REVOKED, {}, () => complex({ device: opaque('alice') })],
    ['an email address', ACCOUNT_DISABLED, {}, () => ({ format: 'email', email: 'alice' })],
    ['a format that nobody knows', ACCOUNT_DISABLED, {}, () => ({ format: 'x', id: 'alice' })],
    ['a session, for an account', ACCOUNT_DISABLED, {}, () => complex({ session: opaque('s1') })],
    ['a credential that was added', CREDENTIAL_CHANGE, { change_type: 'create' }, () => byIssuer('alice')],
    ['an unknown event', 'https://example.com/event', {}, () => byIssuer('alice')],
  ])('not: %s in %s', async (_what, type, payload, subject) => {
    expect(await revokedBy({ sub_id: subject(), events: { [type]: payload } })).toMatchObject({
      isRevoked: false,
    });
  });

  test('an event whose subject names no token is told by type and format alone', async () => {
    await revokedBy({
      sub_id: { format: 'email', email: 'alice@example.com' },
      events: { [ACCOUNT_DISABLED]: {} },
    });
    expect(scene.logger.text).toContain(`${ACCOUNT_DISABLED}; subject format: email`);
    expect(scene.logger.text).not.toContain('alice@');
  });

  test.each([
    ['event_timestamp', { events: { [SESSION_REVOKED]: { event_timestamp: 1_893_455_990 } } }],
    [
      'event_timestamp in milliseconds',
      { events: { [SESSION_REVOKED]: { event_timestamp: 1_893_455_990_000 } } },
    ],
    ['toe', { toe: 1_893_455_990, events: { [SESSION_REVOKED]: {} } }],
    [
      'toe, if event_timestamp is in the future',
      {
        toe: 1_893_455_990,
        events: { [SESSION_REVOKED]: { event_timestamp: 1_893_466_000 } },
      },
    ],
    ['iat', { iat: 1_893_455_990, events: { [SESSION_REVOKED]: { event_timestamp: 'now' } } }],
  ])('is limited to tokens issued before %s', async (_what, claims) => {
    expect(scene.nowSeconds).toBe(1_893_456_000);
    const app = await scene.start('express');
    const [before, after] = [
      await scene.issue({ iat: scene.nowSeconds - 10 }),
      await scene.issue({ iat: scene.nowSeconds - 9 }),
    ];
    expect(await scene.push(app, await scene.sign({ claims }))).toMatchObject({ status: 202 });
    expect([await scene.statusOf(app, before), await scene.statusOf(app, after)]).toEqual([401, 200]);
  });

  test('is what resolveSubject says, with the time of the event', async () => {
    const asked: unknown[] = [];
    const resolving = (resolveSubject: NonNullable<TransmitterOptions['resolveSubject']>) => ({
      transmitters: [{ issuer: scene.issuer.issuer, audience: RECEIVER, keys: scene.keys, resolveSubject }],
    });
    const sub_id = { format: 'email', email: 'a@b.c' };
    const { issuer } = scene.issuer;
    const found = await revokedBy(
      { sub_id },
      resolving((subject, event) => {
        asked.push(subject, event);
        return [{ issuer, sub: 'alice' }];
      }),
    );
    expect(found).toEqual({ isRevoked: true, entries: 1 });
    expect(asked).toEqual([
      sub_id,
      { transmitter: issuer, type: SESSION_REVOKED, issuedBefore: scene.nowSeconds },
    ]);
    const events = { [SESSION_REVOKED]: { event_timestamp: scene.nowSeconds - 1 } };
    const earlier = resolving(() => [{ issuer, sub: 'alice' }]);
    expect(await revokedBy({ sub_id, events }, earlier)).toEqual({ isRevoked: false, entries: 1 });
    const own = { sub_id: byIssuer('alice') };
    expect(
      await revokedBy(
        own,
        resolving(() => undefined),
      ),
    ).toMatchObject({ isRevoked: true });
    expect(
      await revokedBy(
        own,
        resolving(() => []),
      ),
    ).toEqual({ isRevoked: false, entries: 0 });
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('a@b.c');
      },
    ],
    ['names another issuer', () => [{ issuer: 'https://other.example', sub: 'alice' }]],
    ['returns no array', () => ({})],
    ['returns no entry', () => ['alice']],
    ['returns a malformed entry', () => [{ sub: 'alice' }]],
  ])('is nothing, and answered 503, if resolveSubject %s', async (_what, resolve) => {
    const transmitter = { issuer: scene.issuer.issuer, audience: RECEIVER, keys: scene.keys };
    const resolveSubject = resolve as NonNullable<TransmitterOptions['resolveSubject']>;
    const app = await scene.start('express', {
      events: { transmitters: [{ ...transmitter, resolveSubject }] },
    });
    const token = await scene.issue();
    expect(await scene.push(app, await scene.sign())).toMatchObject({
      status: 503,
      body: '',
      retryAfter: '1',
    });
    expect(await scene.statusOf(app, token)).toBe(200);
    expect(scene.logger.text).not.toContain('a@b.c');
  });

  test('stops when the stream is paused, of which the operator is told; verification is acknowledged', async () => {
    const app = await scene.start('express');
    const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/';
    const push = async (name: string, payload: object) =>
      await scene.push(app, await scene.sign({ claims: { events: { [ssf + name]: payload } } }));
    expect(await push('verification', { state: 'x' })).toMatchObject(ACCEPTED);
    expect(scene.logger.lines.filter((line) => line.startsWith('warn') && line.includes('stream'))).toEqual(
      [],
    );
    expect(await push('stream-updated', { status: 'paused' })).toMatchObject(ACCEPTED);
    expect(scene.logger.text).toContain('has set the stream to paused');
  });
});

describe('the module (B9)', () => {
  test('warns of a deny-list that DpopModule does not ask', async () => {
    await scene.start('express');
    expect(scene.logger.text).not.toContain('revoke nothing');
    await scene.start('express', {
      events: { denyList: new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 }) },
    });
    expect(scene.logger.text).toContain('a deny-list that DpopModule does not ask');
  });

  test('does not start with options that depend on the request', async () => {
    const started = scene.start('express', {
      module: ({ path, ...rest }) =>
        SecurityEventsModule.forRootAsync({ path, inject: [REQUEST], useFactory: () => rest }),
    });
    await expect(started).rejects.toThrow('a request-scoped provider: SecurityEventsModule → REQUEST');
  });

  test('warns of nothing when many events of one minute are applied', async () => {
    const app = await scene.start('express');
    for (let time = 0; time < 15; time += 1) await scene.push(app, await scene.sign());
    scene.clock.advanceSeconds(61);
    await scene.push(app, 'x');
    expect(scene.logger.lines.filter((line) => /more of/.test(line))).toStrictEqual([]);
  });

  test('takes its options from a factory, and without authorization the signature decides alone', async () => {
    const app = await scene.start('fastify', {
      module: ({ path, authorization: _left, ...rest }) =>
        SecurityEventsModule.forRootAsync({ path, useFactory: () => Promise.resolve(rest) }),
    });
    const token = await scene.issue();
    expect(await scene.push(app, await scene.sign(), { authorization: undefined })).toMatchObject(ACCEPTED);
    expect(await scene.statusOf(app, token)).toBe(401);
  });

  test('accepts one of several values of Authorization', async () => {
    const app = await scene.start('express', {
      events: { authorization: ['Bearer fedcba9876543210', SECRET] },
    });
    expect(await scene.push(app, await scene.sign())).toMatchObject(ACCEPTED);
    expect(await scene.push(app, 'x', { authorization: 'Bearer fedcba9876543210' })).toMatchObject({
      body: { err: 'invalid_request' },
    });
  });

  test('two of them have two paths', async () => {
    const denyList = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
    const transmitters = [{ issuer: scene.issuer.issuer, audience: 'other', keys: scene.keys }];
    @Module({
      imports: [
        SecurityEventsModule.forRoot({
          path: '/other/events',
          transmitters,
          denyList,
          clock: scene.clock.read,
        }),
      ],
    })
    class OtherModule {}
    const app = await scene.start('express', { denyList, imports: [OtherModule] });
    const set = await scene.sign({ claims: { aud: ['other', 'x'] } });
    expect(await scene.push(app, set)).toMatchObject({ status: 400, body: { err: 'invalid_audience' } });
    expect(await scene.push(app, set, {}, '/other/events')).toMatchObject(ACCEPTED);
  });

  const transmitter = { issuer: 'https://auth.example.com', audience: RECEIVER };
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['path', { path: 'a/:b' }, 'path must be a path of fixed segments'],
    ['path', { path: '' }, 'path must be'],
    ['no transmitters', { transmitters: [] }, 'transmitters must be an array of one or more'],
    ['two of one issuer', { transmitters: [transmitter, transmitter] }, 'each issuer once'],
    [
      'a misspelt option',
      { transmitters: [{ ...transmitter, typ: 'any' }] },
      'transmitters[0] has no option "typ"',
    ],
    [
      'http',
      { transmitters: [{ ...transmitter, issuer: 'http://auth.example.com' }] },
      'transmitters[0].issuer',
    ],
    [
      'no subject issuers',
      { transmitters: [{ ...transmitter, subjectIssuers: [] }] },
      'subjectIssuers must be',
    ],
    ['resolveSubject', { transmitters: [{ ...transmitter, resolveSubject: 1 }] }, 'resolveSubject must be'],
    ['symmetric', { transmitters: [{ ...transmitter, algorithms: ['HS256'] }] }, 'algorithms must be'],
    ['no deny-list', { denyList: undefined }, 'denyList must be the deny-list that is the option revocation'],
    ['a checker', { denyList: { isRevoked: () => false } }, 'this one has no method revoke'],
    ['a short secret', { authorization: 'Bearer 12345678' }, 'at least 16 characters'],
    ['an empty list', { authorization: [] }, 'authorization must be'],
    ['a line break', { authorization: 'Bearer 0123456789abcdef\n' }, 'authorization must be'],
    ['clock', { clock: 1 }, 'clock must be a function'],
    ['an unknown option', { transmiters: [] }, 'has no option "transmiters"'],
  ])('does not start with %s', async (_what, events, message) => {
    const started = Promise.resolve().then(() => scene.start('express', { events }));
    await expect(started).rejects.toThrow(message);
    await expect(started).rejects.not.toThrow('12345678');
  });
});

describe('an event in a fleet (B9)', () => {
  let redis: SharedRedis;
  afterAll(() => redis.close());

  test('refuses the token at an instance that did not receive it', async () => {
    redis = await SharedRedis.open();
    const create = () =>
      new RedisDenyList(redis.url, {
        maxTokenLifetimeSeconds: 3600,
        maxStalenessMs: 60_000,
        deadlineMs: 10_000,
        keyPrefix: redis.keyPrefix,
        clock: scene.clock.read,
      });
    const other = create();
    const [receiving, serving] = [
      await scene.start('express', { denyList: create() }),
      await scene.start('fastify', { denyList: other }),
    ];
    const token = await scene.issue();
    expect(await scene.statusOf(serving, token)).toBe(200);
    expect(await scene.push(receiving, await scene.sign())).toMatchObject(ACCEPTED);
    await other.refresh();
    expect(await scene.statusOf(serving, token)).toBe(401);
  });
});
