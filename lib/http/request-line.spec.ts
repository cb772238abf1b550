import { channel } from 'node:diagnostics_channel';
import { Http2ServerRequest } from 'node:http2';
import { afterEach, describe, expect, test } from '@jest/globals';
import { observedResponseOf, observeRequestLines, requestLineOf } from './request-line.js';

const publish = (message: unknown) => channel('http.server.request.start').publish(message);

/** What Node says of the request that it publishes so. */
function lineOf(request: object): unknown {
  publish({ request });
  return requestLineOf(request);
}

describe('the line of an HTTP/1 request (C8, C9)', () => {
  const ends: (() => void)[] = [];
  const observe = () => {
    const end = observeRequestLines();
    ends.push(end);
    return end;
  };
  afterEach(() => ends.splice(0).forEach((end) => end()));

  test('is kept as it was when Node published it, whatever becomes of the request', () => {
    observe();
    const request = { method: 'GET', url: '/a' };
    expect(lineOf(request)).toEqual({ method: 'GET', target: '/a' });
    Object.assign(request, { method: 'DELETE', url: '/b' });
    expect(lineOf(request)).toEqual({ method: 'GET', target: '/a' });
  });

  test('is of that request alone', () => {
    observe();
    const request = { method: 'GET', url: '/a' };
    expect(requestLineOf(request)).toBeUndefined();
    expect(lineOf(request)).toBeDefined();
    expect(requestLineOf({ ...request })).toBeUndefined();
  });

  test('is not there for what is no request', () => {
    observe();
    for (const message of [undefined, null, 'request', {}, { request: null }, { request: 'GET /' }])
      expect(() => publish(message)).not.toThrow();
    expect(lineOf({ url: '/a' })).toBeUndefined();
    expect(lineOf({ method: 'GET' })).toBeUndefined();
    expect(lineOf({ method: ['GET'], url: '/a' })).toBeUndefined();
    expect(lineOf({ method: 'GET', url: new URL('https://a.example') })).toBeUndefined();
  });

  test('is kept with the response, for code that has the request alone (D8)', () => {
    observe();
    const [request, other, without] = ['/a', '/b', '/c'].map((url) => ({ method: 'GET', url }));
    const response = {};
    publish({ request, response });
    publish({ request: other, response: 'none' });
    publish({ request: without });
    expect(observedResponseOf(request ?? {})).toBe(response);
    for (const stranger of [other, without, {}, { ...request }])
      expect(observedResponseOf(stranger ?? {})).toBeUndefined();
  });

  test('is kept until the last of several apps ends, each of which ends once', () => {
    // The channel is of the process, which other suites share: one of them may have left an app open.
    const { hasSubscribers } = channel('http.server.request.start');
    const [one, other] = [observe(), observe()];
    one();
    one();
    expect(lineOf({ method: 'GET', url: '/a' })).toBeDefined();
    other();
    expect(lineOf({ method: 'GET', url: '/a' })).toBeUndefined();
    expect(channel('http.server.request.start').hasSubscribers).toBe(hasSubscribers);
  });
});

describe('the line of an HTTP/2 request (C8, C9)', () => {
  const lineOfHeaders = (rawHeaders: unknown) =>
    requestLineOf(
      Object.create(Http2ServerRequest.prototype, { rawHeaders: { value: rawHeaders } }) as object,
    );
  const line = { method: 'GET', target: '/a' };

  test('stands in its pseudo-headers, in any order', () => {
    expect(lineOfHeaders([':method', 'GET', ':scheme', 'https', ':path', '/a', 'te', 'x'])).toEqual(line);
    expect(lineOfHeaders([':path', '/a', ':method', 'GET'])).toEqual(line);
  });

  test.each<[string, unknown]>([
    ['behind a field', ['te', 'x', ':method', 'GET', ':path', '/a']],
    ['without a method', [':path', '/a']],
    ['without a path', [':method', 'GET']],
    ['as a value', ['te', ':method', 'GET', ':path', '/a']],
    ['in nothing', []],
    ['where there are no headers', undefined],
    ['where they are no list', { 0: ':method', 1: 'GET', 2: ':path', 3: '/a', length: 4 }],
    ['where a method is no text', [':method', 1, ':path', '/a']],
    ['where a path is no text', [':method', 'GET', ':path', undefined]],
  ])('is not found %s', (_where, rawHeaders) => {
    expect(lineOfHeaders(rawHeaders)).toBeUndefined();
  });
});
