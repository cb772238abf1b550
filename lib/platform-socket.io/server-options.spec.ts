import { describe, expect, test } from '@jest/globals';
import type { IoServerOptions } from './io-types.js';
import { openOptions, parseAdapterOptions, protectedOptions } from './server-options.js';

/** Nest types options of socket.io as if all were set. */
const optionsWith = (options: Partial<IoServerOptions>) => options as IoServerOptions;

describe('the options of the adapter (J1)', () => {
  test.each([
    [{}, false],
    [{ polling: false }, false],
    [{ polling: true }, true],
  ])('%j: polling is %s', (options, polling) => {
    expect(parseAdapterOptions(options)).toBe(polling);
  });

  test.each<readonly [unknown, string]>([
    [null, 'DpopIoAdapter must be given an object of options as its second argument; it is null'],
    ['polling', 'DpopIoAdapter must be given an object of options as its second argument; it is a string'],
    [{ poling: true }, 'DpopIoAdapter has no option "poling"; known: polling'],
    [{ polling: 'yes' }, 'DpopIoAdapter polling must be true or false; it is "yes"'],
  ])('%j end the start (D9)', (options, message) => {
    expect(() => parseAdapterOptions(options as object)).toThrow(new TypeError(message));
  });
});

describe('a server that refuses nothing (J1)', () => {
  test('has the options of the app', () => {
    expect(openOptions(undefined)).toBeUndefined();
    const options = optionsWith({ path: '/own', transports: ['polling'] });
    expect(openOptions(options)).toBe(options);
  });

  test('restores no socket without the middleware, which gives guards the request', () => {
    const options = optionsWith({
      path: '/own',
      connectionStateRecovery: { maxDisconnectionDuration: 7, skipMiddlewares: true },
    });
    expect(openOptions(options)).toEqual({
      path: '/own',
      connectionStateRecovery: { maxDisconnectionDuration: 7, skipMiddlewares: false },
    });
  });
});

describe('a server of which some requests are verified (J1)', () => {
  test('has the transports that are accepted, and what else the app sets', () => {
    expect(protectedOptions(undefined, false)).toEqual({ transports: ['websocket'] });
    expect(protectedOptions(optionsWith({ path: '/own' }), true)).toEqual({
      path: '/own',
      transports: ['polling', 'websocket'],
    });
    expect(protectedOptions(optionsWith({ transports: ['websocket'] }), true)).toEqual({
      transports: ['websocket'],
    });
    expect(protectedOptions(optionsWith({ transports: ['polling'] }), true)).toEqual({
      transports: ['polling'],
    });
  });

  test.each<readonly [object, boolean, string]>([
    [
      { transports: ['polling', 'websocket'] },
      false,
      "transports of a gateway must be ['websocket'], or DpopIoAdapter given { polling: true }; it is [ 'polling', 'websocket' ]",
    ],
    [
      { transports: ['websocket', 'webtransport'] },
      true,
      "transports of a gateway must be without 'webtransport', whose sessions carry no proof; it is [ 'websocket', 'webtransport' ]",
    ],
    [
      { connectionStateRecovery: {} },
      true,
      'connectionStateRecovery of a gateway must be left out: socket.io restores a session for every client that knows its id, and sends what it missed before any check',
    ],
  ])('does not start with %j and polling %s (D9)', (options, polling, message) => {
    expect(() => protectedOptions(optionsWith(options), polling)).toThrow(new TypeError(message));
  });
});
