import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import { answer, isGone } from './engine-answer.js';

const REFUSAL: HandshakeRefusal = {
  status: 401,
  code: 'invalid_token',
  headers: {
    'WWW-Authenticate': 'DPoP algs="ES256"',
    'Access-Control-Expose-Headers': 'DPoP-Nonce, WWW-Authenticate',
    Connection: 'close',
  },
  body: '{"message":"abgelaufen – ü"}',
};

let written: string;
let socket: Duplex;
let request: IncomingMessage;

beforeEach(() => {
  written = '';
  socket = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString('utf8');
      done();
    },
  });
  request = new IncomingMessage(socket as Socket);
});

/** As much of the response of an upgrade as engine.io has. */
const forUpgrade = { getHeader: () => undefined, setHeader: () => undefined };

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the answer to a plain request (J1)', () => {
  let response: ServerResponse;

  beforeEach(() => {
    response = new ServerResponse(request);
    response.assignSocket(socket as Socket);
  });

  test('is the refusal, and the connection stays', async () => {
    answer(request, response, REFUSAL);
    await turn();
    expect(response.statusCode).toBe(401);
    expect({ ...response.getHeaders() }).toEqual({
      'www-authenticate': 'DPoP algs="ES256"',
      'access-control-expose-headers': 'DPoP-Nonce, WWW-Authenticate',
    });
    expect(written).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(written.endsWith(`\r\n\r\n${REFUSAL.body}`)).toBe(true);
    expect(socket.destroyed).toBe(false);
  });

  test('keeps the names that the middleware for CORS has exposed, and no other value', () => {
    response.setHeader('Access-Control-Expose-Headers', 'X-Own');
    response.setHeader('WWW-Authenticate', 'Basic');
    answer(request, response, REFUSAL);
    expect({ ...response.getHeaders() }).toEqual({
      'www-authenticate': 'DPoP algs="ES256"',
      'access-control-expose-headers': 'X-Own, DPoP-Nonce, WWW-Authenticate',
    });
  });
});

describe('the answer to an upgrade (J1)', () => {
  test('is a whole response on the socket, which is then closed', async () => {
    answer(request, forUpgrade, REFUSAL);
    await turn();
    expect(written).toBe(
      [
        'HTTP/1.1 401 Unauthorized',
        'WWW-Authenticate: DPoP algs="ES256"',
        'Access-Control-Expose-Headers: DPoP-Nonce, WWW-Authenticate',
        'Connection: close',
        'Content-Length: 31',
        '',
        REFUSAL.body,
      ].join('\r\n'),
    );
    expect(socket.destroyed).toBe(true);
  });

  test('with a status that has no words has none', async () => {
    answer(request, forUpgrade, { ...REFUSAL, status: 499 });
    await turn();
    expect(written).toMatch(/^HTTP\/1\.1 499 \r\n/);
  });
});

test('a client has left once its connection or its response is closed', () => {
  const response = new ServerResponse(request);
  expect([isGone(request, forUpgrade), isGone(request, response)]).toEqual([false, false]);
  response.destroy();
  expect([isGone(request, forUpgrade), isGone(request, response)]).toEqual([false, true]);
  socket.destroy();
  expect([isGone(request, forUpgrade), isGone(request, new ServerResponse(request))]).toEqual([true, true]);
});
