import { describe, expect, test } from '@jest/globals';
import { parseSecurityEventToken, type SecurityEventToken } from './security-event-token.js';

const NOW = 1_800_000_000;
const TYPE = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked';
const GOOD = { aud: 'https://api.test', jti: 'x', iat: NOW, events: { [TYPE]: {} } };
const rules = { audiences: ['https://api.test', 'https://b.test'], toleranceSeconds: 10, nowSeconds: NOW };

const parse = (changes: object): SecurityEventToken =>
  parseSecurityEventToken({ ...GOOD, ...changes }, rules);

describe('the claims of a Security Event Token (B9)', () => {
  test.each<[string, object]>([
    ['one audience of several', { aud: ['https://x.test', 'https://b.test'] }],
    ['an iat as late as the tolerance allows', { iat: NOW + 10 }],
    ['an iat of long ago', { iat: 0 }],
    ['an exp that is over, within the tolerance', { exp: NOW - 9.5 }],
    ['an nbf as late as the tolerance allows', { nbf: NOW + 10 }],
    ['an event of any URI', { events: { 'urn:x': { a: 1 }, 'A+1.-:~!': {} } }],
  ])('are accepted with %s', (_what, changes) => {
    expect(parse(changes)).toMatchObject({ jti: 'x' });
  });

  test.each<[string, object, string, object]>([
    ['another audience', { aud: 'https://x.test' }, 'audience', { expected: rules.audiences }],
    ['other audiences', { aud: ['https://x.test'] }, 'audience', { expected: rules.audiences }],
    ['no audience', { aud: undefined }, 'audience', { expected: rules.audiences }],
    ['no jti', { jti: undefined }, 'jti', {}],
    ['an empty jti', { jti: '' }, 'jti', {}],
    ['a jti that is no text', { jti: 1 }, 'jti', {}],
    ['no iat', { iat: undefined }, 'iat', {}],
    ['an iat that is a text', { iat: String(NOW) }, 'iat', {}],
    ['an iat in the future', { iat: NOW + 11.5 }, 'iat', { offBySeconds: 2 }],
    ['an endless iat', { iat: Infinity }, 'iat', {}],
    ['a negative iat', { iat: -1 }, 'iat', {}],
    ['an exp that is over', { exp: NOW - 10 }, 'exp', { offBySeconds: 1 }],
    ['an exp that is long over', { exp: NOW - 70 }, 'exp', { offBySeconds: 60 }],
    ['an endless exp', { exp: Infinity }, 'exp', {}],
    ['an exp that is no time', { exp: null }, 'exp', {}],
    ['an nbf in the future', { nbf: NOW + 12.5 }, 'nbf', { offBySeconds: 3 }],
    ['an nbf that is no time', { nbf: '1' }, 'nbf', {}],
    ['no events', { events: undefined }, 'events_missing', {}],
    ['null as events', { events: null }, 'events', {}],
    ['a number as events', { events: 5 }, 'events', {}],
    ['a list of events', { events: [{}] }, 'events', {}],
    ['an empty object of events', { events: {} }, 'events_missing', {}],
    ['a text as event', { events: { [TYPE]: 'x' } }, 'events', { about: TYPE }],
    ['an event that is no object', { events: { [TYPE]: {}, 'urn:x': 'x' } }, 'events', {}],
    ['an event without a scheme', { events: { x: {} } }, 'events', {}],
    ['an event with a space in front', { events: { ' urn:x': {} } }, 'events', {}],
    ['an event with a space behind', { events: { 'urn:x ': {} } }, 'events', {}],
    ['an event that is a scheme', { events: { 'urn:': {} } }, 'events', {}],
  ])('are refused with %s', (_what, changes, reason, details) => {
    expect(() => parse(changes)).toThrow(
      expect.objectContaining({ name: 'SecurityEventError', reason, details }),
    );
  });

  test('are what the token says', () => {
    const subject = { format: 'opaque', id: 'x' };
    const token = parse({ sub_id: subject, events: { [TYPE]: { a: 1 }, 'urn:x': { b: 2 } } });
    expect(token).toMatchObject({ jti: 'x', iat: NOW, subject });
    expect([...token.events]).toEqual([
      [TYPE, { a: 1 }],
      ['urn:x', { b: 2 }],
    ]);
  });
});

describe('when an event occurred (B9)', () => {
  test.each<[string, object, object, number]>([
    ['its own time', { event_timestamp: NOW - 60 }, { toe: NOW - 30 }, NOW - 60],
    ['its own time in milliseconds', { event_timestamp: 1000 * (NOW - 60) }, {}, NOW - 60],
    ['the time of the token', {}, { toe: NOW - 30 }, NOW - 30],
    ['the time of the token in milliseconds', {}, { toe: 1000 * (NOW - 30) }, NOW - 30],
    ['when the token was issued', {}, {}, NOW],
    ['a time that the tolerance allows', { event_timestamp: NOW + 10 }, {}, NOW + 10],
    ['not one in the future', { event_timestamp: NOW + 11 }, { toe: NOW - 30 }, NOW - 30],
    ['not one that is no time', { event_timestamp: '1' }, { toe: null }, NOW],
    ['not a negative one', { event_timestamp: -1 }, {}, NOW],
    ['the last one in seconds', { event_timestamp: 99_999_999_999 }, {}, NOW],
    ['the first one in milliseconds', { event_timestamp: 100_000_000_000 }, {}, 100_000_000],
  ])('is %s', (_what, event, changes, time) => {
    expect(parse(changes).timeOf({ ...event })).toBe(time);
  });
});
