import { describe, expect, test } from '@jest/globals';
import { handshakeOf, keepHandshake } from './handshake.js';

const toException = () => new Error('refused');

describe('the handshake of a socket (J1)', () => {
  test('is kept with the socket, once: a later one does not replace it', () => {
    const socket = {};
    const request = { url: '/feed' };
    keepHandshake(socket, request, toException);
    keepHandshake(socket, { url: '/other' }, () => new Error('other'));
    expect(handshakeOf(socket)).toEqual({ request, response: undefined, toException });
    expect(handshakeOf(socket)?.request).toBe(request);
  });

  test('cannot be read from a copy of the socket, nor forged', () => {
    const socket = { handshake: { request: {} }, '#handshake': {} };
    expect(handshakeOf(socket)).toBeUndefined();
    keepHandshake(socket, {}, toException);
    expect(handshakeOf({ ...socket })).toBeUndefined();
  });

  test.each([undefined, null, 'socket', 7])('of %p is none', (other) => {
    expect(handshakeOf(other)).toBeUndefined();
  });
});
