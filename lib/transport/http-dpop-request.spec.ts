import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { toDpopRequest } from './http-dpop-request.js';

const NONE = Symbol('absent');
type Members = Readonly<Record<string, unknown>>;

/** A request of Node, as no server made it. */
function requestWith(members: Members = {}): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  const head = { method: 'GET', url: '/a?b', headers: { host: 'a.test' }, rawHeaders: ['Host', 'a.test'] };
  return Object.assign(request, head, members);
}

describe('a request of a framework, for the checks (A3)', () => {
  test('has method, target and headers as received', () => {
    const servesHost = () => true;
    expect(toDpopRequest(requestWith(), servesHost)).toMatchObject({
      method: 'GET',
      routedMethod: 'GET',
      target: '/a?b',
      rawHeaders: ['Host', 'a.test'],
      servesHost,
    });
    expect(toDpopRequest(requestWith())?.servesHost).toBeUndefined();
  });

  test('has the target before a framework shortened or rewrote it', () => {
    expect(toDpopRequest(requestWith({ originalUrl: '/mounted/a' }))?.target).toBe('/mounted/a');
    const wrapping = { raw: requestWith({ url: '/rewritten' }), originalUrl: '/received' };
    expect(toDpopRequest(wrapping)?.target).toBe('/received');
  });

  test('has protocol and host from the framework, read only when they are needed', () => {
    const read: string[] = [];
    const raw = requestWith();
    const framework = {
      raw,
      get protocol() {
        read.push('protocol');
        return 'https';
      },
      get host() {
        read.push('host');
        return 'a.test:444';
      },
    };
    const request = toDpopRequest(framework);
    expect(read).toStrictEqual([]);
    expect([request?.protocol, request?.host]).toEqual(['https', 'a.test:444']);
    expect(read).toEqual(['protocol', 'host']);
    const other = toDpopRequest({ raw, protocol: ['https'], host: 7 });
    expect([other?.protocol, other?.host]).toEqual([undefined, undefined]);
  });

  test('has the certificate of the client, from the connection (B11)', () => {
    const raw = Uint8Array.of(1, 2, 3);
    const socket = { getPeerCertificate: () => ({ raw }) };
    expect(toDpopRequest({ raw: requestWith({ socket }) })?.clientCertificate?.()).toBe(raw);
    expect(toDpopRequest(requestWith())?.clientCertificate?.()).toBeUndefined();
  });

  test('tells what the framework routes alike', () => {
    expect(toDpopRequest({ raw: requestWith() })?.areRoutedAlike?.('/a', '/%61')).toBe(true);
    const app = Object.assign(() => undefined, { router: undefined });
    expect(toDpopRequest({ raw: requestWith(), app })?.areRoutedAlike?.('/a', '/%61')).toBe(false);
  });

  test.each<[string, Members]>([
    ['method', { method: undefined }],
    ['target', { url: undefined }],
    ['raw headers', { rawHeaders: undefined }],
    ['list of raw headers', { rawHeaders: 'Host' }],
  ])('is none without a %s', (_what, members) => {
    expect(toDpopRequest(requestWith(members))).toBeUndefined();
  });

  test.each([[{}], [{ method: 'GET', url: '/', rawHeaders: [] }], [{ raw: {} }]])(
    'is none of %j, which Node did not make',
    (other) => {
      expect(toDpopRequest(other)).toBeUndefined();
    },
  );

  test.each<[unknown, boolean]>([
    [{ host: 'a.test' }, true],
    [{}, false],
    [null, false],
    ['host', false],
    [NONE, false],
  ])('is a failure of the adapter if it filled headers %p alone: %p', (headers, isFailure) => {
    const request = { raw: requestWith({ rawHeaders: [] }) };
    Object.defineProperty(request.raw, 'headers', { value: headers === NONE ? undefined : headers });
    if (!isFailure) {
      expect(toDpopRequest(request)?.rawHeaders).toStrictEqual([]);
      return;
    }
    expect(() => toDpopRequest(request)).toThrow(DpopUnavailableError);
    expect(() => toDpopRequest(request)).toThrow(
      expect.objectContaining({
        reason: 'transport_unknown',
        advice: expect.stringMatching(
          /^the serverless adapter fills headers and leaves rawHeaders empty/,
        ) as unknown,
      }),
    );
  });
});
