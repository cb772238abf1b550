import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { DpopHandshakes } from '../handshake/dpop-handshakes.js';
import { EngineRequests } from './engine-requests.js';
import type { OpenConnections } from './open-connections.js';

const UNAVAILABLE = { status: 503, code: 'temporarily_unavailable', headers: {}, body: '{}' };

interface Faults {
  readonly verify?: () => Promise<unknown>;
  readonly fail?: () => unknown;
}

function prepare({ verify = () => Promise.resolve({}), fail = () => UNAVAILABLE }: Faults) {
  const socket = new Socket();
  const request = Object.assign(new IncomingMessage(socket), { _query: { transport: 'websocket' } });
  const response = new ServerResponse(request);
  const requests = new EngineRequests(
    { openerOf: () => undefined } as unknown as OpenConnections,
    { verify, fail } as unknown as DpopHandshakes,
    { policy: { nonce: 'off', bearer: 'reject' }, name: {} },
    { refuses: true, reports: false },
    false,
  );
  const handle = (next: () => void) => requests.handle(request, response, next);
  return { handle, response, socket };
}

const broken = (): Promise<never> => Promise.reject(new Error('down'));

describe('the middleware never rejects, which would end the process (D5)', () => {
  test.each<readonly [string, Faults]>([
    ['a broken nonce of the app', { verify: () => Promise.resolve({ verdict: { nextNonce: 'a\r\nb' } }) }],
    ['a failure of the verification', { verify: broken }],
  ])('at %s it answers 503, and engine.io does not see the request', async (_what, faults) => {
    const { handle, response } = prepare(faults);
    let isPassed = false;
    await handle(() => {
      isPassed = true;
    });
    expect({ isPassed, status: response.statusCode, ended: response.writableEnded }).toEqual({
      isPassed: false,
      status: 503,
      ended: true,
    });
  });

  test('at an error behind it, it closes the connection and answers nothing', async () => {
    const { handle, response, socket } = prepare({});
    await handle(() => {
      throw new Error('of a listener');
    });
    expect({ ended: response.writableEnded, destroyed: socket.destroyed }).toEqual({
      ended: false,
      destroyed: true,
    });
  });

  test('also where the logger of the app fails, it closes the connection', async () => {
    const fail = () => {
      throw new Error('of the logger');
    };
    const { handle, socket } = prepare({ verify: broken, fail });
    await handle(() => undefined);
    expect(socket.destroyed).toBe(true);
  });
});
