import type { IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BadRequestException, HttpException, type INestApplication, RequestMethod } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { SecurityEventsModule } from '../lib/security-events/index.js';
import { HandClock } from './support/hand-clock.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp } from './support/running-app.js';
import { type EventAppOptions, EventScene, MEDIA_TYPE, SECRET } from './support/security-events.js';
import { send } from './support/call.js';

type Parse = (nest: { useBodyParser(...parameters: unknown[]): unknown }) => unknown;

let scene: EventScene;

beforeEach(async () => {
  scene = await EventScene.create(new HandClock());
});
afterEach(closeApps);

const JSON_TYPE = { 'content-type': 'application/json' };
const UNSENT = 'eyJ0eXAi';

describe.each(PLATFORMS)(
  'a body that a parser of the app meets first on %s (B9, D5)',
  (platform: Platform) => {
    const start = (parse?: Parse, options: EventAppOptions = {}): Promise<RunningApp> =>
      scene.start(platform, { ...(parse && { before: (nest) => parse(nest as never) }), ...options });

    async function expectRefusal(
      app: RunningApp,
      body: string | Uint8Array,
      headers: Readonly<Record<string, string | undefined>>,
      [status, err, reason]: readonly [number, string, string],
      path?: string,
    ): Promise<void> {
      scene.logger.lines.length = 0;
      const answer = await scene.push(app, body, headers, path);
      expect({ status: answer.status, body: answer.body }).toEqual({
        status,
        body: { err, description: expect.stringMatching(/^[\x20-\x7e]{10,90}$/) },
      });
      expect(answer.headers.get('content-language')).toBe('en');
      const lines = scene.logger.lines.filter((line) => !line.startsWith('debug'));
      expect(lines).toEqual([expect.stringMatching(new RegExp(`^warn refused .*${err} \\(${reason}\\)`))]);
      const sent = Buffer.from(body).toString('latin1').slice(0, 10);
      expect(JSON.stringify(answer.body) + scene.logger.text).not.toContain(sent);
    }

    const TYPE = [415, 'invalid_request', 'content_type'] as const;
    const SECRET_FIRST = [400, 'authentication_failed', 'authorization'] as const;

    test('is refused by its content type, whatever it is', async () => {
      const app = await start();
      const set = await scene.sign();
      await expectRefusal(app, set, JSON_TYPE, TYPE);
      await expectRefusal(app, '{"set":', JSON_TYPE, TYPE);
      await expectRefusal(app, `{"set":"${set}"}`, JSON_TYPE, TYPE);
      await expectRefusal(app, JSON.stringify({ set: 'x'.repeat(5_000_000) }), JSON_TYPE, TYPE);
      await expectRefusal(
        app,
        gzipSync(set).subarray(0, 40),
        { ...JSON_TYPE, 'content-encoding': 'gzip' },
        TYPE,
      );
      await expectRefusal(app, `${UNSENT}=%%`, { 'content-type': 'application/x-www-form-urlencoded' }, TYPE);
      await expectRefusal(app, `{"${UNSENT}`, { 'content-type': 'application/json; charset=x' }, TYPE);
    });

    test('is compared by Authorization first', async () => {
      const app = await start();
      const wrong = { ...JSON_TYPE, authorization: 'Bearer 0123456789abcdee' };
      await expectRefusal(app, `${UNSENT}"`, wrong, SECRET_FIRST);
      await expectRefusal(app, JSON.stringify({ set: 'x'.repeat(5_000_000) }), wrong, SECRET_FIRST);
      await expectRefusal(app, `{"${UNSENT}`, { ...wrong, authorization: undefined }, SECRET_FIRST);
    });

    const own: readonly [string, Parse][] =
      platform === 'express'
        ? [
            ['text', (nest) => nest.useBodyParser('text', { type: MEDIA_TYPE })],
            ['raw', (nest) => nest.useBodyParser('raw', { type: '*/*' })],
          ]
        : [
            ['one type', (nest) => nest.useBodyParser(MEDIA_TYPE, { bodyLimit: 100_000 })],
            ['all types', (nest) => nest.useBodyParser('*', { bodyLimit: 100_000 })],
          ];

    test.each(own)('is too large, or encoded, for a parser of the app: %s', async (_what, parse) => {
      const app = await start(parse);
      const SIZE = [413, 'invalid_request', 'size'] as const;
      await expectRefusal(app, 'x'.repeat(70_000), {}, SIZE);
      await expectRefusal(app, 'x'.repeat(200_000), {}, SIZE);
      await expectRefusal(app, 'x'.repeat(200_000), { authorization: undefined }, SECRET_FIRST);
      await expectRefusal(app, UNSENT, { 'content-encoding': 'gzip' }, TYPE);
      await expectRefusal(app, UNSENT, { 'content-encoding': 'x' }, TYPE);
      const token = await scene.issue();
      expect(await scene.push(app, await scene.sign())).toMatchObject({ status: 202, body: '' });
      expect(await scene.statusOf(app, token)).toBe(401);
    });

    test('is answered 503 if the app reads it as JSON, and says so to the operator', async () => {
      const app = await start((nest) =>
        platform === 'express'
          ? nest.useBodyParser('json', { type: '*/*' })
          : nest.useBodyParser(
              MEDIA_TYPE,
              {},
              (_request: unknown, body: Buffer, done: (e: unknown) => void) => {
                try {
                  JSON.parse(body.toString());
                } catch (error) {
                  done(Object.assign(error as Error, { statusCode: 400 }));
                }
              },
            ),
      );
      const answer = await scene.push(app, await scene.sign());
      expect(answer).toMatchObject({ status: 503, body: '' });
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(scene.logger.text).toContain('let it leave application/secevent+jwt alone');
      await expectRefusal(app, UNSENT, { authorization: undefined }, SECRET_FIRST);
    });

    test('is refused under the global prefix, outside of it, and below the path of RouterModule', async () => {
      const prefixed = await start(undefined, { before: (nest) => void nest.setGlobalPrefix('api/v1') });
      await expectRefusal(prefixed, UNSENT, JSON_TYPE, TYPE, '/api/v1/security-events');
      const excluded = await start(undefined, {
        before: (nest) =>
          void nest.setGlobalPrefix('api', {
            exclude: [{ path: 'security-events', method: RequestMethod.POST }],
          }),
      });
      await expectRefusal(excluded, UNSENT, JSON_TYPE, TYPE);
      const routed = await start(undefined, {
        imports: [RouterModule.register([{ path: 'ssf', module: SecurityEventsModule }])],
        before: (nest) => void nest.setGlobalPrefix('/api/'),
      });
      await expectRefusal(routed, UNSENT, JSON_TYPE, TYPE, '/api/ssf/security-events');
      expect((await scene.push(routed, await scene.sign(), {}, '/api/ssf/security-events')).status).toBe(202);
    });

    test('is the business of the app at all other paths, and so are errors of another kind', async () => {
      const app = await start(undefined, {
        before: (nest: INestApplication) => {
          const errors: Readonly<Record<string, Error>> = {
            busy: new HttpException('busy', 429),
            odd: new BadRequestException('odd'),
          };
          nest.use((request: IncomingMessage, _response: unknown, next: (error?: unknown) => void) =>
            next(errors[String(request.headers['x-error'])]),
          );
        },
      });
      for (const path of ['/security-events/more', '/other']) {
        const { status, body } = await scene.push(app, '{', JSON_TYPE, path);
        expect(JSON.stringify({ status, body })).not.toContain('"err"');
      }
      const set = await scene.sign();
      for (const [error, status] of [
        ['busy', 429],
        ['odd', 400],
      ] as const) {
        const answer = await scene.push(app, set, { 'x-error': error });
        expect(answer).toMatchObject({ status, body: { message: error } });
      }
    });

    test('is not read with another method: 405, and OPTIONS is left to CORS', async () => {
      const app = await start(undefined, { before: (nest) => nest.enableCors() });
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD']) {
        const hasBody = method !== 'GET' && method !== 'HEAD';
        const answer = await send(`${app.url}/security-events`, {
          method,
          headers: { authorization: SECRET, ...(hasBody && JSON_TYPE) },
          ...(hasBody && { body: `{"${UNSENT}` }),
        });
        expect(answer.status).toBe(405);
        expect(answer.headers.get('allow')).toBe('POST');
        if (method !== 'HEAD') expect(answer.body).toMatchObject({ err: 'invalid_request' });
      }
      expect(scene.logger.text).toContain('(method); Security Event Tokens are sent with POST');
      const preflight = await send(`${app.url}/security-events`, {
        method: 'OPTIONS',
        headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
      });
      expect(preflight.status).toBe(204);
    });

    test('is no operation of the OpenAPI document', async () => {
      const app = await start();
      const document = SwaggerModule.createDocument(app.nest, new DocumentBuilder().build());
      expect(Object.keys(document.paths)).toEqual(['/']);
    });
  },
);
