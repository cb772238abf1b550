import { channel } from 'node:diagnostics_channel';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { createConfig } from '../config/dpop-config.js';
import { DpopError } from '../errors/dpop.error.js';
import { observeRequestLines } from '../http/request-line.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { leaveVerdict, recordOf } from '../verification/request-record.js';
import { createUnenforcedVerdict, createVerdict } from '../verification/verdict.js';
import { DpopTickets } from './dpop-tickets.js';

const lines: string[] = [];
const write =
  (level: string) =>
  (text: unknown, ...rest: unknown[]): void =>
    void lines.push(`${level} [${String(rest.at(-1))}] ${String(text)}`);
Logger.overrideLogger({ log: write('log'), warn: write('warn'), error: write('error') });

let endObservation: () => void;

beforeAll(() => {
  endObservation = observeRequestLines();
});
afterAll(() => endObservation());
beforeEach(() => {
  lines.length = 0;
});

class NoTokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return {};
  }
}

const config = createConfig({ origin: 'https://api.example.com', accessToken: new NoTokens() });
const verifier = new DpopVerifier({
  rules: config,
  accessTokens: new NoTokens(),
  nonces: new StatelessNonceService({
    secrets: new FixedNonceSecrets(),
    service: 'test',
    lifetimeSeconds: 60,
    clock: Date.now,
  }),
  replayStore: new MemoryStorage().replayStore,
});
const tickets = new DpopTickets(verifier);
const VERDICT = createVerdict('DPoP', 'token', { sub: 'user' }, 'thumbprint');

/** A request that a server of Node received. */
function receive() {
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'POST',
    url: '/tickets',
    // Lines are written for each app.
    app: {},
  });
  const response = new ServerResponse(request);
  channel('http.server.request.start').publish({ request, response });
  return { request, response };
}

function examine(request: object): void {
  verifier.examineOnce(request, () => ({ method: 'POST', target: '/tickets', rawHeaders: [] }));
}

const refusalOf = (asking: Promise<unknown>): Promise<unknown> => asking.catch((error: unknown) => error);
const NO_VERDICT =
  'DpopTickets.issue() found no verdict, since no DpopGuard let this request through: put @UseGuards(DpopGuard) on the route, ' +
  'and remove @SkipDpop() if it opens the route: a ticket is issued to the client of a verified request only';

describe('a ticket (J2)', () => {
  test('is issued for a verified request, or for its context', async () => {
    const { request, response } = receive();
    examine(request);
    leaveVerdict(request, VERDICT);
    const ticket = { ticket: expect.stringMatching(/^[\w-]{50,}$/), expiresAtSeconds: expect.any(Number) };
    expect(await tickets.issue(request, '/feed')).toEqual(ticket);
    expect(await tickets.issue(new ExecutionContextHost([request, response]), '/feed')).toEqual(ticket);
    expect(lines).toStrictEqual([]);
  });
});

describe('no ticket is issued (J2, D8, D9)', () => {
  const refused = (reason: string, advice?: string) => ({
    statusCode: 503,
    cause: { reason, ...(advice !== undefined && { advice }) },
  });

  test.each<[string, (request: object) => void]>([
    ['without a guard', () => undefined],
    ['for a request that was examined and let through without a verdict', examine],
    ['for a verdict of another service', (request) => leaveVerdict(request, VERDICT)],
  ])('%s, and the log says what to do', async (_what, prepare) => {
    const { request, response } = receive();
    prepare(request);
    expect(await refusalOf(tickets.issue(request, '/feed'))).toMatchObject(
      refused('verdict_missing', NO_VERDICT),
    );
    expect({ ...response.writeHead(503).getHeaders() }).toMatchObject({
      'retry-after': '1',
      'cache-control': 'no-store',
    });
    expect(lines).toEqual([`error [DpopTickets] answered 503: verdict_missing; ${NO_VERDICT}; on POST`]);
  });

  test('for a context without a guard, and its response says when to come back', async () => {
    const { request, response } = receive();
    const context = new ExecutionContextHost([request, response]);
    expect(await refusalOf(tickets.issue(context, '/feed'))).toMatchObject(refused('verdict_missing'));
    expect({ ...response.writeHead(503).getHeaders() }).toMatchObject({ 'retry-after': '1' });
  });

  test('for a request that was let through unverified', async () => {
    const { request } = receive();
    examine(request);
    leaveVerdict(request, createUnenforcedVerdict(new DpopError('credentials_missing')));
    const advice =
      "DpopTickets.issue() was called for a request that enforcement: 'report' let through unverified: " +
      "set @Dpop({ enforcement: 'enforce' }) on the route that issues tickets";
    expect(await refusalOf(tickets.issue(request, '/feed'))).toMatchObject(
      refused('verdict_missing', advice),
    );
  });

  test('for a request that came with a ticket itself', async () => {
    const { request } = receive();
    examine(request);
    leaveVerdict(request, { ...VERDICT, hasTicket: true });
    const advice =
      'DpopTickets.issue() was called for a request that came with a ticket itself: issue tickets on a route without ticket: "allow"';
    expect(await refusalOf(tickets.issue(request, '/feed'))).toMatchObject(
      refused('verdict_missing', advice),
    );
  });

  test('for what is no request', async () => {
    expect(await refusalOf(tickets.issue(undefined as never, '/feed'))).toMatchObject(
      refused('verdict_missing', NO_VERDICT),
    );
    expect(lines).toEqual([`error [DpopTickets] answered 503: verdict_missing; ${NO_VERDICT}`]);
  });

  test('for a path that no request has; the response is the one that the guard has found', async () => {
    const { request } = receive();
    const response = new ServerResponse(request);
    examine(request);
    leaveVerdict(request, VERDICT);
    recordOf(request).response = response;
    expect(await refusalOf(tickets.issue(request, 'feed'))).toMatchObject(refused('internal_failure'));
    expect({ ...response.writeHead(503).getHeaders() }).toMatchObject({ 'retry-after': '1' });
    expect(lines).toEqual([
      expect.stringMatching(/^error \[DpopTickets\] answered 503: internal_failure; .*; on POST$/),
    ]);
  });
});
