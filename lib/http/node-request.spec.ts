import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { nodeRequestOf } from './node-request.js';

describe('the request of Node behind that of a framework (A3)', () => {
  const request = new IncomingMessage(new Socket());
  const injected = Object.assign(new Readable(), { isLightMyRequest: true });

  test('is itself, what Express extends, or what Fastify wraps', () => {
    const extended = Object.setPrototypeOf(
      new IncomingMessage(new Socket()),
      Object.create(IncomingMessage.prototype) as object,
    ) as object;
    expect(nodeRequestOf(request)).toBe(request);
    expect(nodeRequestOf(extended)).toBe(extended);
    expect(nodeRequestOf({ raw: request })).toBe(request);
    expect(nodeRequestOf(injected)).toBe(injected);
    expect(nodeRequestOf({ raw: injected })).toBe(injected);
  });

  test('is not what a middleware keeps at raw', () => {
    const own = Object.assign(new IncomingMessage(new Socket()), { raw: new IncomingMessage(new Socket()) });
    expect(nodeRequestOf(own)).toBe(own);
  });

  test.each([
    undefined,
    null,
    'request',
    {},
    { method: 'GET', url: '/', rawHeaders: [] },
    { raw: { method: 'GET', url: '/', rawHeaders: [] } },
    { isLightMyRequest: true, method: 'GET', url: '/', rawHeaders: [] },
    { raw: { raw: request } },
    new Readable(),
    Object.assign(new Readable(), { isLightMyRequest: 'true' }),
    JSON.parse('{"__proto__":{"method":"GET"},"method":"GET","url":"/","rawHeaders":[]}') as unknown,
  ])('is not %j', (value) => {
    expect(nodeRequestOf(value)).toBeUndefined();
  });
});
