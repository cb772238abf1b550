import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import { verifyBefore } from './verify-client.js';
import type { ClientInfo } from './ws-types.js';

const REFUSAL = {
  status: 401,
  code: 'invalid_token',
  headers: { Connection: 'close' },
  body: '{"statusCode":401}',
} satisfies HandshakeRefusal;
const FAILURE = { ...REFUSAL, status: 503, code: 'temporarily_unavailable' } satisfies HandshakeRefusal;

let info: ClientInfo;
let answers: unknown[][];
let failures: unknown[][];

beforeEach(() => {
  info = { origin: undefined, secure: false, req: new IncomingMessage(new Socket()) };
  answers = [];
  failures = [];
});

interface Parts {
  readonly verify?: () => Promise<HandshakeRefusal | undefined>;
  readonly fail?: (...given: unknown[]) => HandshakeRefusal;
  readonly answer?: (...parts: unknown[]) => void;
}

/** Lets ws ask, and waits for what happens in this turn. */
async function ask(ofApp: unknown, parts: Parts = {}): Promise<void> {
  const { verify = () => Promise.resolve(undefined), fail = () => FAILURE, answer = () => undefined } = parts;
  const verifyClient = verifyBefore(
    (given) => (given === info ? verify() : Promise.reject(new Error('another request'))),
    ofApp,
    (...given) => {
      failures.push(given);
      return fail(...given);
    },
  );
  // By this number ws knows that the answer comes later.
  expect(verifyClient).toHaveLength(2);
  verifyClient(info, (...given) => {
    answers.push(given);
    answer(...given);
  });
  await new Promise((resolve) => setImmediate(resolve));
}

const refused = ({ status, body, headers }: HandshakeRefusal) => [false, status, body, headers];

describe('a handshake that is refused (J1)', () => {
  test('is answered with the refusal, and the app is not asked', async () => {
    let isAsked = false;
    const ofApp = () => {
      isAsked = true;
      return true;
    };
    await ask(ofApp, { verify: () => Promise.resolve(REFUSAL) });
    expect({ answers, isAsked }).toEqual({ answers: [refused(REFUSAL)], isAsked: false });
  });

  test('by an error is a failure, of which the operator is told (D8)', async () => {
    const error = new Error('down');
    await ask(undefined, { verify: () => Promise.reject(error) });
    expect(answers).toEqual([refused(FAILURE)]);
    expect(failures).toEqual([[info, error]]);
  });
});

describe('a handshake that is verified (J1)', () => {
  test.each([undefined, null, true, {}])('opens the socket where the app has %j to ask', async (ofApp) => {
    await ask(ofApp);
    expect({ answers, failures }).toEqual({ answers: [[true]], failures: [] });
  });

  test.each<readonly [string, unknown, boolean]>([
    ['true', true, true],
    ['what is true', 'yes', true],
    ['false', false, false],
    ['nothing', undefined, false],
    ['a promise of true', Promise.resolve(true), true],
    ['a promise of false', Promise.resolve(false), false],
  ])('is answered as the app does that returns %s', async (_what, returned, isAccepted) => {
    const given: unknown[] = [];
    await ask((asked: unknown) => {
      given.push(asked);
      return returned;
    });
    expect(answers).toEqual([[isAccepted]]);
    expect(given).toEqual([info]);
  });

  test('is answered once by an app that takes the answer, with its own words', async () => {
    await ask((asked: unknown, done: (...parts: unknown[]) => void) => {
      done(false, 418, String(asked === info), { a: 'b' });
      done(true);
      return true;
    });
    expect(answers).toEqual([[false, 418, 'true', { a: 'b' }]]);
  });

  test.each<readonly [string, unknown]>([
    [
      'throws',
      () => {
        throw new Error('of the app');
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the app'))],
    [
      'takes the answer and throws',
      (_info: unknown, _done: unknown) => {
        throw new Error('of the app');
      },
    ],
  ])('is a failure for an app that %s (D8)', async (_what, ofApp) => {
    await ask(ofApp);
    expect(answers).toEqual([refused(FAILURE)]);
    expect(failures).toEqual([[info, new Error('of the app')]]);
    expect(info.req.socket.destroyed).toBe(false);
  });
});

describe('the process goes on (D5)', () => {
  test('where a listener of the app throws as the socket opens: its connection is closed', async () => {
    const error = new Error('of a listener');
    await ask(undefined, {
      answer: () => {
        throw error;
      },
    });
    expect(answers).toEqual([[true]]);
    expect(failures).toEqual([[info, error]]);
    expect(info.req.socket.destroyed).toBe(true);
  });

  test('where the logger of the app throws as well', async () => {
    await ask(undefined, {
      verify: () => Promise.reject(new Error('down')),
      fail: () => {
        throw new Error('of the logger');
      },
    });
    expect(answers).toStrictEqual([]);
    expect(info.req.socket.destroyed).toBe(true);
  });
});
