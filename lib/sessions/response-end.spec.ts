import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, constants, createServer as createHttp2Server, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { createVerdict } from '../verification/verdict.js';
import { DpopSessions } from './dpop-sessions.js';
import { endWithToken } from './response-end.js';

const clock = new HandClock();
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Sessions that count whom they watch, and a verdict whose token expires now. */
function open() {
  const sessions = new DpopSessions(clock.read);
  const watched = new Set<unknown>();
  const watch = sessions.watch.bind(sessions);
  sessions.watch = (verdict, end) => {
    watched.add(end);
    const stop = watch(verdict, end);
    return () => {
      watched.delete(end);
      stop();
    };
  };
  closing.push(() => sessions.close());
  return { sessions, watched, verdict: createVerdict('DPoP', 'token', { exp: clock.ms / 1000 }, 'jkt') };
}

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

/** A response of HTTP/1.1, and how it reaches the client. */
async function exchange() {
  const server = createServer();
  const agent = new Agent({ keepAlive: true });
  closing.push(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sent = get({ port: portOf(server), host: '127.0.0.1', agent });
  const received = new Promise<IncomingMessage>((resolve) => sent.once('response', resolve));
  const failed = new Promise<Error>((resolve) => sent.once('error', resolve));
  const [, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  return { response, received, failed };
}

/** A response of HTTP/2, and its stream at the client. */
async function exchangeOverHttp2() {
  const server = createHttp2Server();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connect(`http://127.0.0.1:${portOf(server)}`);
  closing.push(() => {
    session.destroy();
    server.close();
  });
  const stream = session.request({ ':path': '/' });
  stream.on('error', () => undefined);
  const [, response] = (await once(server, 'request')) as [unknown, Http2ServerResponse];
  return { response, stream };
}

async function textOf(message: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of message) text += String(chunk);
  return text;
}

describe('a response that ends with its token (J2)', () => {
  test('as an event stream is closed properly, and its connection with it', async () => {
    const { sessions, watched, verdict } = open();
    const { response, received } = await exchange();
    const socketClosed = once(response.socket ?? response, 'close');
    endWithToken(sessions, verdict, response, true);
    expect(watched.size).toBe(1);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    const message = await received;
    sessions.tick();
    // What the app still writes harms nobody.
    response.write('data: 2\n\n');
    expect(await textOf(message)).toBe('data: 1\n\n');
    expect(message.complete).toBe(true);
    await socketClosed;
    expect(watched.size).toBe(0);
  });

  test.each([
    ['an event stream that has not begun', true, false],
    ['a download', false, true],
    ['a response that has not begun', false, false],
  ])('as %s is cut off', async (_what, isEventStream, hasBegun) => {
    const { sessions, watched, verdict } = open();
    const { response, received, failed } = await exchange();
    endWithToken(sessions, verdict, response, isEventStream);
    if (hasBegun) {
      response.writeHead(200).write('half');
      const message = await received;
      sessions.tick();
      await expect(textOf(message)).rejects.toThrow();
      expect(message.complete).toBe(false);
    } else {
      sessions.tick();
      expect(await failed).toMatchObject({ code: 'ECONNRESET' });
    }
    expect(response.destroyed).toBe(true);
    expect(watched.size).toBe(0);
  });

  test('is not watched once it has ended, before or after', async () => {
    const { sessions, watched, verdict } = open();
    const one = await exchange();
    one.response.end('done');
    endWithToken(sessions, verdict, one.response, false);
    expect(watched.size).toBe(0);
    expect(await textOf(await one.received)).toBe('done');

    const other = await exchange();
    endWithToken(sessions, verdict, other.response, false);
    expect(watched.size).toBe(1);
    const long = 'x'.repeat(10_000_000);
    other.response.end(long);
    sessions.tick();
    expect(await textOf(await other.received)).toHaveLength(long.length);

    const gone = await exchange();
    gone.response.destroy();
    endWithToken(sessions, verdict, gone.response, false);
    expect(watched.size).toBe(0);
  });

  test('lets go of the session when the connection closes', async () => {
    const { sessions, watched, verdict } = open();
    const { response } = await exchange();
    endWithToken(sessions, verdict, response, false);
    const closed = once(response, 'close');
    response.socket?.destroy();
    await closed;
    expect(watched.size).toBe(0);
  });

  test('over HTTP/2 is closed properly as an event stream, and its connection stays', async () => {
    const { sessions, verdict } = open();
    const { response, stream } = await exchangeOverHttp2();
    endWithToken(sessions, verdict, response, true);
    response.writeHead(200);
    response.write('data: 1\n\n');
    await once(stream, 'response');
    sessions.tick();
    expect(await textOf(stream)).toBe('data: 1\n\n');
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    expect(stream.session?.destroyed).not.toBe(true);
  });

  test('over HTTP/2 is cancelled as anything else', async () => {
    const { sessions, verdict } = open();
    const { response, stream } = await exchangeOverHttp2();
    endWithToken(sessions, verdict, response, false);
    response.writeHead(200);
    response.write('half');
    await once(stream, 'response');
    const closed = once(stream, 'close');
    sessions.tick();
    await closed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  test('is one of Node: nothing could end another one', () => {
    const { sessions, verdict } = open();
    expect(() => endWithToken(sessions, verdict, { end: () => undefined }, false)).toThrow(
      expect.objectContaining({
        reason: 'transport_unknown',
        advice: '@Dpop({ endAtExpiry: true }) can end only responses of the HTTP server of Node',
      }),
    );
  });
});
