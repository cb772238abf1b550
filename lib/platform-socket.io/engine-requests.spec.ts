import { type IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { DpopHandshakes } from '../handshake/dpop-handshakes.js';
import { EngineRequests } from './engine-requests.js';
import type { OpenConnections } from './open-connections.js';

const UNAVAILABLE = { status: 503, code: 'temporarily_unavailable', headers: {}, body: '{}' };

interface Parts {
  readonly verify?: () => Promise<unknown>;
  readonly fail?: () => unknown;
  readonly headers?: IncomingHttpHeaders;
  /** As engine.io has it for an upgrade. */
  readonly isUpgrade?: boolean;
  readonly transport?: string;
}

/** Has what engine.io gives a middleware as the response to an upgrade. */
class UpgradeHeaders extends Map<string, unknown> {
  getHeader(name: string): unknown {
    return this.get(name.toLowerCase());
  }

  setHeader(name: string, value: string): void {
    this.set(name.toLowerCase(), value);
  }
}

function prepare(parts: Parts) {
  const { verify = () => Promise.resolve({}), fail = () => UNAVAILABLE, headers = {} } = parts;
  const { transport = 'websocket' } = parts;
  const written: string[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  }) as Socket;
  const request = Object.assign(new IncomingMessage(socket), { _query: { transport }, headers });
  const response = new ServerResponse(request);
  response.assignSocket(socket);
  const requests = new EngineRequests(
    { openerOf: () => undefined } as unknown as OpenConnections,
    { verify, fail } as unknown as DpopHandshakes,
    { policy: { nonce: 'off', bearer: 'reject' }, name: {} },
    { refuses: true, reports: false },
    false,
  );
  const upgrade = new UpgradeHeaders();
  const handle = (next: () => void) =>
    requests.handle(request, parts.isUpgrade === true ? upgrade : response, next);
  /** Whether engine.io gets the request. */
  const passes = async (): Promise<boolean> => {
    let isPassed = false;
    await handle(() => {
      isPassed = true;
    });
    return isPassed;
  };
  return { handle, passes, request, response, upgrade, socket, written };
}

const broken = (): Promise<never> => Promise.reject(new Error('down'));

describe('the middleware never rejects, which would end the process (D5)', () => {
  test.each<readonly [string, Parts]>([
    ['a broken nonce of the app', { verify: () => Promise.resolve({ verdict: { nextNonce: 'a\r\nb' } }) }],
    ['a failure of the verification', { verify: broken }],
  ])('at %s it answers 503, and engine.io does not see the request', async (_what, faults) => {
    const { passes, response } = prepare(faults);
    const isPassed = await passes();
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

describe('a request whose client leaves while it is verified (D5)', () => {
  test('is neither answered nor passed on', async () => {
    const leaving = prepare({
      verify: () => {
        leaving.socket.destroy();
        return Promise.resolve({});
      },
    });
    expect(await leaving.passes()).toBe(false);
    expect(leaving.response.writableEnded).toBe(false);
  });

  test('does not end the process if its connection fails before the upgrade', async () => {
    const upgrade = prepare({ isUpgrade: true });
    expect(await upgrade.passes()).toBe(true);
    expect(() => upgrade.socket.emit('error', new Error('reset'))).not.toThrow();
    // The HTTP server listens to the others.
    const plain = prepare({});
    const before = plain.socket.listenerCount('error');
    await plain.passes();
    expect(plain.socket.listenerCount('error')).toBe(before);
  });
});

describe('a request by another transport is answered with the way out (J1)', () => {
  const BODY = {
    statusCode: 400,
    message: "Only the WebSocket transport is accepted; set transports: ['websocket'] in the client",
    error: 'Bad Request',
    code: 'invalid_request',
  };

  test.each<readonly [boolean, readonly string[]]>([
    [true, ['Connection: close']],
    [false, []],
  ])('for an upgrade: %s', async (isUpgrade, further) => {
    const { passes, written } = prepare({ isUpgrade, transport: 'polling' });
    expect(await passes()).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    const [head = '', body = ''] = written.join('').split('\r\n\r\n');
    expect(JSON.parse(body)).toEqual(BODY);
    expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    const lines = ['Cache-Control: no-store', 'Content-Type: application/json; charset=utf-8', ...further];
    expect(head.split('\r\n')).toEqual(expect.arrayContaining(lines));
  });
});

describe('the next nonce (E4)', () => {
  const verify = () => Promise.resolve({ verdict: { nextNonce: 'n' } });

  test('comes with the response, beside what the middleware for CORS has exposed', async () => {
    const { passes, response } = prepare({ verify });
    response.setHeader('Access-Control-Expose-Headers', 'X-Own');
    expect(await passes()).toBe(true);
    expect({ ...response.getHeaders() }).toEqual({
      'dpop-nonce': 'n',
      'cache-control': 'no-store',
      'access-control-expose-headers': 'X-Own, DPoP-Nonce, WWW-Authenticate',
    });
  });

  test('comes with the 101', async () => {
    const { passes, upgrade } = prepare({ verify, isUpgrade: true });
    expect(await passes()).toBe(true);
    expect(upgrade.getHeader('DPoP-Nonce')).toBe('n');
  });

  test.each([{}, { verdict: undefined }, { verdict: { nextNonce: undefined } }])(
    'does not come with the outcome %j',
    async (outcome) => {
      const { passes, response } = prepare({ verify: () => Promise.resolve(outcome) });
      expect(await passes()).toBe(true);
      expect({ ...response.getHeaders() }).toEqual({});
    },
  );
});

describe('a ticket among the sub-protocols is not chosen by ws (J2)', () => {
  const PROTOCOL = 'sec-websocket-protocol';

  test.each<readonly [string | undefined, string | undefined]>([
    ['ticket.x', undefined],
    ['TICKET.x,ticket.y', undefined],
    ['ticket.x, a', 'a'],
    ['a ,ticket.x,\tb', 'a, b'],
    // Without a ticket, the field stays as it came.
    ['a,b', 'a,b'],
    ['tickets.x', 'tickets.x'],
    ['my-ticket.x', 'my-ticket.x'],
    [undefined, undefined],
  ])('%j becomes %j', async (offered, left) => {
    const headers: IncomingHttpHeaders = { host: 'a', ...(offered !== undefined && { [PROTOCOL]: offered }) };
    const { passes, request } = prepare({ headers });
    expect(await passes()).toBe(true);
    expect(request.headers).toStrictEqual({ host: 'a', ...(left !== undefined && { [PROTOCOL]: left }) });
  });
});
