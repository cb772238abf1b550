import { describe, expect, test } from '@jest/globals';
import { SecurityEventError, type SecurityEventRefusal } from './security-event.error.js';

describe('the refusal of a Security Event Token (B9, D5)', () => {
  const rows: Readonly<Record<SecurityEventRefusal, readonly [number, string, RegExp]>> = {
    method: [405, 'invalid_request', /POST/],
    authorization: [400, 'authentication_failed', /Authorization/],
    content_type: [415, 'invalid_request', /application\/secevent\+jwt/],
    size: [413, 'invalid_request', /too large/],
    body: [400, 'invalid_request', /incomplete/],
    form: [400, 'invalid_request', /compact form/],
    typ: [400, 'invalid_request', /secevent\+jwt/],
    crit: [400, 'invalid_request', /critical/],
    alg: [400, 'invalid_key', /algorithm/],
    kid: [400, 'invalid_key', /kid .*512/],
    issuer: [400, 'invalid_issuer', /issuer/],
    key: [400, 'invalid_key', /key/],
    signature: [400, 'authentication_failed', /signature/],
    audience: [400, 'invalid_audience', /not for this service/],
    jti: [400, 'invalid_request', /jti/],
    iat: [400, 'invalid_request', /iat/],
    exp: [400, 'invalid_request', /expired/],
    nbf: [400, 'invalid_request', /nbf/],
    events_missing: [400, 'invalid_request', /no event/],
    events: [400, 'invalid_request', /events/],
    subject_missing: [400, 'invalid_request', /no subject/],
    subject: [400, 'invalid_request', /malformed/],
    foreign_subject: [400, 'access_denied', /may not/],
  };

  test.each(Object.entries(rows))('%s', (reason, [status, code, words]) => {
    const error = new SecurityEventError(reason as SecurityEventRefusal, { expected: ['expected'] });
    expect(error).toMatchObject({
      name: 'SecurityEventError',
      reason,
      status,
      code,
      message: expect.stringMatching(words),
      details: { expected: ['expected'] },
    });
  });

  test('has no details if none are given', () => {
    expect(new SecurityEventError('form').details).toEqual({});
  });
});
