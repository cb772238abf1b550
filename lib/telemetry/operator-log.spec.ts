import { beforeEach, describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { toOutcome } from './differences.js';
import { OperatorLog } from './operator-log.js';

const START = Date.parse('2030-01-01T00:00:00Z');

describe('the log of the operator (D9)', () => {
  let nowMs: number;
  let lines: string[];
  let log: OperatorLog;
  const clock = () => nowMs;
  const write = (level: string, text: string): void => void lines.push(`${level} ${text}`);

  beforeEach(() => {
    nowMs = START;
    lines = [];
    log = new OperatorLog(clock);
  });

  const refuse = (
    error = new DpopError('token_expired'),
    handler = 'A.b',
    received?: () => string,
    to = log,
  ): void => to.refused(write, error, { handler }, received);

  test('warns of a refusal, and has a demand for a nonce for those who debug', () => {
    refuse();
    refuse(new DpopError('nonce_missing'));
    expect(lines).toEqual([
      'warn refused: invalid_token (token_expired) on A.b; The access token has expired',
      'debug refused: use_dpop_nonce (nonce_missing) on A.b; Resource server requires nonce in DPoP proof',
    ]);
  });

  test('warns of a demand for a nonce that is only reported', () => {
    log.refused(write, new DpopError('nonce_missing'), { handler: 'A.b' }, undefined, {});
    expect(lines).toEqual([
      expect.stringMatching(/^warn let through by .*: use_dpop_nonce \(nonce_missing\)/),
    ]);
  });

  test('has what was received only if it is asked for', () => {
    refuse(undefined, undefined, () => 'received: request');
    expect(lines[0]).toMatch(/has expired; received: request$/);
  });

  test('has a failure as an error', () => {
    log.failed(write, new DpopUnavailableError('replay_store_full'), { handler: 'A.b' });
    log.failed(
      write,
      new DpopUnavailableError('replay_store_unavailable'),
      {},
      'accepted without a replay check',
    );
    expect(lines).toEqual([
      'error answered 503: replay_store_full; on A.b',
      'error accepted without a replay check: replay_store_unavailable',
    ]);
  });

  test('has ten lines a minute of one handler, and then tells how many are missing', () => {
    for (let i = 0; i < 13; i += 1) {
      refuse();
      log.failed(write, new DpopUnavailableError('replay_store_full'), { handler: 'A.b' });
    }
    expect(lines).toHaveLength(20);
    refuse(undefined, 'A.c');
    log.failed(write, new DpopUnavailableError('replay_store_full'), { handler: 'A.c' });
    refuse(new DpopError('token_invalid', { detail: 'kid' }));
    expect(lines).toHaveLength(23);
    nowMs += 60_000;
    lines = [];
    refuse();
    expect(lines).toEqual([
      'warn 3 more of token_expired from 2030-01-01T00:00:00.000Z on were not logged one by one',
      'warn 3 more of replay_store_full from 2030-01-01T00:00:00.000Z on were not logged one by one',
      expect.stringContaining('refused: invalid_token (token_expired)'),
    ]);
  });

  test('tells what is missing before a failure, too', () => {
    for (let i = 0; i < 11; i += 1) refuse();
    nowMs += 60_000;
    lines = [];
    log.failed(write, new DpopUnavailableError('replay_store_full'), {});
    expect(lines).toEqual([
      expect.stringMatching(/^warn 1 more of token_expired/),
      'error answered 503: replay_store_full',
    ]);
  });

  test('warns of a difference that a trial found, ten times a minute for each reason and handler (K1)', () => {
    const present = toOutcome(undefined);
    const differ = (reason: 'token_expired' | 'proof_stale', handler = 'A.b'): void =>
      log.differs(write, present, toOutcome(new DpopError(reason)), { handler });
    for (let i = 0; i < 11; i += 1) {
      differ('token_expired');
      differ('proof_stale');
    }
    expect(lines).toHaveLength(20);
    expect(lines[0]).toBe(
      'warn trial: accepted now, refused invalid_token (token_expired) with the options under trial on A.b',
    );
    differ('token_expired', 'A.c');
    expect(lines).toHaveLength(21);
    nowMs += 60_000;
    lines = [];
    differ('token_expired');
    expect(lines).toEqual([
      'warn 2 more of trial from 2030-01-01T00:00:00.000Z on were not logged one by one',
      expect.stringMatching(/^warn trial: accepted now/),
    ]);
  });

  test('tells two details of one reason apart', () => {
    for (const detail of ['kid', 'alg'] as const)
      for (let i = 0; i < 11; i += 1) refuse(new DpopError('token_invalid', { detail }));
    expect(lines).toHaveLength(20);
  });

  test('tells at shutdown what is missing so far', () => {
    for (let i = 0; i < 11; i += 1) refuse();
    lines = [];
    log.flush(write);
    log.flush(write);
    expect(lines).toEqual([
      'warn 1 more of token_expired from 2030-01-01T00:00:00.000Z on were not logged one by one',
    ]);
  });

  test('has one line for each, of at most 4096 characters, without marks that change it', () => {
    const advice = 'a\r\nb\tc\u001bd\u202ee\u2028f\u2029g\u0085h \u00e9';
    log.failed(write, new DpopUnavailableError('internal_failure', { advice }), {});
    expect(lines).toEqual(['error answered 503: internal_failure; a  b c d e f g h \u00e9']);
    lines = [];
    refuse(undefined, undefined, () => 'x'.repeat(5000));
    expect(lines[0]).toHaveLength('warn '.length + 4096);
  });

  test('is one for all guards of an app, and another for another app', () => {
    const config = { clock };
    expect(OperatorLog.of(config)).toBe(OperatorLog.of(config));
    expect(OperatorLog.of(config)).not.toBe(OperatorLog.of({ clock }));
    for (let i = 0; i < 11; i += 1) refuse(undefined, undefined, undefined, OperatorLog.of(config));
    nowMs += 60_000;
    refuse(undefined, undefined, undefined, OperatorLog.of(config));
    expect(lines).toHaveLength(12);
  });

  test('without options, the request leads to the app: that of Express, or the server of Fastify', () => {
    const [app, server] = [() => undefined, {}];
    const shared = OperatorLog.ofRequest(undefined);
    expect(OperatorLog.ofRequest({ app })).toBe(OperatorLog.ofRequest({ app, server }));
    expect(OperatorLog.ofRequest({ server })).toBe(OperatorLog.ofRequest({ app: 'x', server }));
    expect(OperatorLog.ofRequest({ app })).not.toBe(OperatorLog.ofRequest({ server }));
    expect(OperatorLog.ofRequest({ app })).not.toBe(shared);
    expect(OperatorLog.ofRequest({ server })).not.toBe(shared);
    for (const request of [null, {}, 'text', { app: 1, server: null }])
      expect(OperatorLog.ofRequest(request)).toBe(shared);
  });
});
