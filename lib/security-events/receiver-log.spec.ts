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
  test('a refusal: code, reason, sentence, seconds, which event, what was expected, advice, and from whom', () => {
    const details = { expected: ['x', 'y'], offBySeconds: 3, about: 'urn:x', advice: 'do this' };
    log.refused(new SecurityEventError('audience', details), A);
    log.refused(new SecurityEventError('exp', { offBySeconds: 3 }), undefined);
    log.refused(new SecurityEventError('form'), undefined);
    expect(lines).toEqual([
      `warn refused a Security Event Token: invalid_audience (audience); The Security Event Token is not for this service; 3 s too early; urn:x; expected: x or y; do this; from ${A}`,
      'warn refused a Security Event Token: invalid_request (exp); The Security Event Token has expired, or its exp claim is not a time; 3 s too late',
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

  const lost = { unresolved: ['user format: email'], isPartly: false, hasResolver: false };

  test('an event that revokes less than it says', () => {
    log.notApplied('urn:x', lost, A);
    const parts = ['session format: uri', 'user format: email'];
    log.notApplied('urn:x', { unresolved: parts, isPartly: true, hasResolver: true }, A);
    log.tooOld('urn:x', 60, A);
    log.otherContent(A);
    expect(lines).toEqual([
      `warn acknowledged an event that revokes nothing, since its subject names no token: urn:x; user format: email; add resolveSubject to the options of the transmitter; from ${A}`,
      `warn applied an event in part, since a part of its subject names no token: urn:x; session format: uri; user format: email; resolveSubject returned undefined for it: let it return entries, or [] if there are no tokens; from ${A}`,
      `warn an event occurred longer ago than a token lives, 60 s: urn:x; entries with its time revoke no valid token; compare event_timestamp, toe and iat with the clock; from ${A}`,
      `warn applied a Security Event Token whose jti an earlier one with other content had: the transmitter must use each jti once; from ${A}`,
    ]);
  });

  test('what happens to a stream, and what only those who debug want', () => {
    log.streamEnded('paused', A);
    log.streamEvent('received', A);
    log.debug('done', A);
    expect(lines).toEqual([
      `warn the transmitter has set the stream to paused and sends no more events; revocations do not arrive until it is enabled; from ${A}`,
      `log received; from ${A}`,
      `debug done; from ${A}`,
    ]);
  });

  test('a line is one line, and not endless', () => {
    log.refused(
      new SecurityEventError('alg', { expected: [`a\nb\u2028c\u2029d\u202ee`, 'x'.repeat(5000)] }),
      A,
    );
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
      'warn 3 more of the refusals (alg) from 2030-01-01T00:00:00.000Z on were not logged one by one',
      expect.stringContaining('invalid_key (alg)'),
    ]);
  });

  test('is told by kind, and of events by what of the subject is not known', () => {
    const ofFormat = (...unresolved: string[]) => ({ unresolved, isPartly: false, hasResolver: false });
    for (let nth = 0; nth < 11; nth += 1) {
      log.notApplied('urn:x', ofFormat('user format: email'), A);
      log.notApplied('urn:x', ofFormat('user format: did', 'session format: uri'), A);
      log.tooOld('urn:x', 60, A);
      log.otherContent(A);
      log.streamEnded('paused', A);
      log.streamEvent('x', A);
      log.failed(new DpopUnavailableError('internal_failure'), A);
    }
    expect(lines).toHaveLength(70);
    lines = [];
    log.flush();
    expect(lines.map((line) => line.split(' from ')[0])).toEqual([
      'warn 1 more of the events whose subject names no token (user format: email)',
      'warn 1 more of the events whose subject names no token (user format: did and session format: uri)',
      'warn 1 more of the events that are older than all tokens',
      'warn 1 more of the tokens with a jti that was used before',
      'warn 1 more of the ends of streams',
      'warn 1 more of the events about the stream',
      'warn 1 more of the answers 503 (internal_failure)',
    ]);
  });

  test('is told at shutdown, if not before', () => {
    flood(11);
    lines = [];
    log.flush();
    log.flush();
    expect(lines).toEqual([
      'warn 1 more of the refusals (alg) from 2030-01-01T00:00:00.000Z on were not logged one by one',
    ]);
  });
});
