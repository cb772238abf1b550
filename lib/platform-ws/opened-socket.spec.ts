import { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { WsException } from '@nestjs/websockets';
import { handshakeOf } from '../transport/handshake.js';
import { bindSocket } from './opened-socket.js';
import type { WsSocket } from './ws-types.js';

/** Has what is used of a socket of the package ws. */
class OpenSocket extends EventEmitter {
  readyState = 1;
  readonly sent: string[] = [];

  send(text: string): void {
    this.sent.push(text);
  }
}

const request = new IncomingMessage(new Socket());
let socket: OpenSocket;

beforeEach(() => {
  socket = new OpenSocket();
  bindSocket(socket as unknown as WsSocket, request);
});

const refuse = () =>
  handshakeOf(socket)?.toException({ statusCode: 403, code: 'insufficient_scope', message: 'It lacks one' });

test('a socket knows the request that opened it (J1)', () => {
  expect(handshakeOf(socket)?.request).toBe(request);
});

describe('the exception of a refused message (J1)', () => {
  const payload = { status: 'error', code: 'insufficient_scope', message: 'It lacks one' };

  test('has the code and the sentence', () => {
    const exception = refuse();
    expect(exception).toBeInstanceOf(WsException);
    expect((exception as WsException).getError()).toEqual(payload);
  });

  test('is sent to the client once Nest emits it on the socket', () => {
    socket.emit('exception', (refuse() as WsException).getError());
    expect(socket.sent).toEqual([JSON.stringify({ event: 'exception', data: payload })]);
  });

  test.each([0, 2, 3])('is not sent on a socket in the state %i', (state) => {
    socket.readyState = state;
    socket.emit('exception', (refuse() as WsException).getError());
    expect(socket.sent).toStrictEqual([]);
  });

  test.each([undefined, null, 'text', payload, { status: 'error', message: 'of the app' }])(
    'is told from the exception %j of the app, which Nest sends by itself',
    (other) => {
      refuse();
      expect(() => socket.emit('exception', other)).not.toThrow();
      expect(socket.sent).toStrictEqual([]);
    },
  );
});
