import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Sse } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { EMPTY } from 'rxjs';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { createVerdict } from '../verification/verdict.js';
import { endAtExpiry } from './end-at-expiry.js';

const EXPIRED = createVerdict('DPoP', 'token', { exp: 1 }, 'thumbprint');
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

class FeedController {
  @Sse()
  events(): typeof EMPTY {
    return EMPTY;
  }

  download(): void {}
}

/** A response that has begun, for a client that reads it to the end. */
async function respond(handler: keyof FeedController, type: string) {
  const server = createServer().listen(0, '127.0.0.1');
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const sent = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  response.writeHead(200).write('half');
  const [received] = (await once(sent, 'response')) as [IncomingMessage];
  const context = new ExecutionContextHost(
    [request, response],
    FeedController,
    FeedController.prototype[handler],
  );
  context.setType(type);
  return { context, response, received };
}

async function outcomeOf(received: IncomingMessage): Promise<string> {
  const failed = new Promise<string>((resolve) => received.once('error', () => resolve('cut off')));
  const ended = once(received.resume(), 'end').then(() => 'closed');
  ended.catch(() => undefined);
  return await Promise.race([failed, ended]);
}

describe('a response whose token expires (J2)', () => {
  test.each([
    ['events', 'closed'],
    ['download', 'cut off'],
  ] as const)('of the handler %s is %s', async (handler, outcome) => {
    const sessions = new DpopSessions(() => 2000);
    const { context, response, received } = await respond(handler, 'http');
    endAtExpiry(sessions, EXPIRED, context, response);
    sessions.tick();
    expect(await outcomeOf(received)).toBe(outcome);
  });

  test('goes on over another transport, whose responses are shared', async () => {
    const sessions = new DpopSessions(() => 2000);
    const { context, response, received } = await respond('download', 'graphql');
    endAtExpiry(sessions, EXPIRED, context, response);
    sessions.tick();
    response.end();
    expect(await outcomeOf(received)).toBe('closed');
  });
});
