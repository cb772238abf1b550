import { beforeEach, describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { ReceiverLog } from './receiver-log.js';
import { SecurityEventError } from './security-event.error.js';

const A = 'https://a.test';
let lines: string[];
let clock: HandClock;
let log: ReceiverLog;

beforeEach(() => {
  lines = [];
  clock = new HandClock(Date.parse('2030-01-01T00:00:00Z'));
  log = new ReceiverLog((level, text) => lines.push(`${level} ${text}`), clock.read);
});

describe('what the operator learns of Security Event Tokens (B9, D9)', () => {
  test('a refusal: code, reason, sentence, what was expected, and from whom', () => {
    log.refused(new SecurityEventError('audience', ['x', 'y']), A);
    log.refused(new SecurityEventError('form'), undefined);
    expect(lines).toEqual([
      `warn refused a Security Event Token: invalid_audience (audience); The Security Event Token is not for this service; expected: x or y; from ${A}`,
      'warn refused a Security Event Token: invalid_request (form); The body must be a signed JWT in compact form',
    ]);
  });

  test('a failure: reason, advice, and the causes by class and code', () => {
    const cause = Object.assign(new TypeError('a secret'), { code: 'ECONNREFUSED', stack: 'none' });
    log.failed(new DpopUnavailableError('internal_failure', { advice: 'do this', cause }), A);
    log.failed(new DpopUnavailableError('internal_failure'), undefined);
    expect(lines).toEqual([
      `error answered 503 to a Security Event Token: internal_failure; do this; TypeError ECONNREFUSED; from ${A}`,
      'error answered 503 to a Security Event Token: internal_failure',
    ]);
  });

  test('an event that revokes nothing, a stream that ended, and what only those who debug want', () => {
    log.notApplied('urn:x', 'email', A);
    log.notApplied('urn:x', undefined, A);
    log.streamEnded('paused', A);
    log.debug('done', A);
    const nothing = 'acknowledged an event that revokes nothing, since its subject names no token: urn:x';
    const advice = 'add resolveSubject to the options of the transmitter';
    expect(lines).toEqual([
      `warn ${nothing}; subject format: email; ${advice}; from ${A}`,
      `warn ${nothing}; subject format: not a known one; ${advice}; from ${A}`,
      `warn the transmitter has set the stream to paused and sends no more events; revocations do not arrive until it is enabled; from ${A}`,
      `debug done; from ${A}`,
    ]);
  });

  test('a line is one line, and not endless', () => {
    log.refused(new SecurityEventError('alg', [`a\nb\u2028c\u2029d\u202ee`, 'x'.repeat(5000)]), A);
    expect(lines[0]).toMatch(/expected: a b c d e or x+$/);
    expect(lines[0]).toHaveLength('warn '.length + 4096);
  });
});

describe('a flood of Security Event Tokens (B9, D9)', () => {
  const flood = (count: number, from?: string) => {
    for (let nth = 0; nth < count; nth += 1) log.refused(new SecurityEventError('alg'), from);
  };

  test('writes ten lines of a kind about a transmitter in a minute, then how many more there were', () => {
    flood(13, A);
    expect(lines).toHaveLength(10);
    flood(2, 'https://b.test');
    log.streamEnded('paused', A);
    expect(lines).toHaveLength(13);
    clock.advanceSeconds(60);
    lines = [];
    flood(1, A);
    expect(lines).toEqual([
      'warn 3 more of alg from 2030-01-01T00:00:00.000Z on were not logged one by one',
      expect.stringContaining('invalid_key (alg)'),
    ]);
  });

  test('is told by kind', () => {
    for (let nth = 0; nth < 11; nth += 1) {
      log.notApplied('urn:x', 'email', A);
      log.streamEnded('paused', A);
      log.failed(new DpopUnavailableError('internal_failure'), A);
    }
    lines = [];
    log.flush();
    expect(lines.map((line) => line.split(' from ')[0])).toEqual([
      'warn 1 more of not_applied',
      'warn 1 more of stream_ended',
      'warn 1 more of internal_failure',
    ]);
  });

  test('is told at shutdown, if not before', () => {
    flood(11);
    lines = [];
    log.flush();
    log.flush();
    expect(lines).toEqual(['warn 1 more of alg from 2030-01-01T00:00:00.000Z on were not logged one by one']);
  });
});
