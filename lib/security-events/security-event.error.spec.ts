import { describe, expect, test } from '@jest/globals';
import { SecurityEventError, type SecurityEventRefusal } from './security-event.error.js';

describe('the refusal of a Security Event Token (B9, D5)', () => {
  const rows: Readonly<Record<SecurityEventRefusal, readonly [number, string, RegExp]>> = {
    authorization: [400, 'authentication_failed', /Authorization/],
    content_type: [415, 'invalid_request', /application\/secevent\+jwt/],
    size: [413, 'invalid_request', /too large/],
    body: [400, 'invalid_request', /incomplete/],
    form: [400, 'invalid_request', /compact form/],
    typ: [400, 'invalid_request', /secevent\+jwt/],
    crit: [400, 'invalid_request', /critical/],
    alg: [400, 'invalid_key', /algorithm/],
    issuer: [400, 'invalid_issuer', /issuer/],
    key: [400, 'invalid_key', /key/],
    signature: [400, 'authentication_failed', /signature/],
    audience: [400, 'invalid_audience', /not for this service/],
    jti: [400, 'invalid_request', /jti/],
    iat: [400, 'invalid_request', /iat/],
    exp: [400, 'invalid_request', /expired/],
    nbf: [400, 'invalid_request', /nbf/],
    events: [400, 'invalid_request', /events/],
    subject: [400, 'invalid_request', /subject/],
    foreign_subject: [400, 'access_denied', /may not/],
  };

  test.each(Object.entries(rows))('%s', (reason, [status, code, words]) => {
    const error = new SecurityEventError(reason as SecurityEventRefusal, ['expected']);
    expect(error).toMatchObject({
      name: 'SecurityEventError',
      reason,
      status,
      code,
      message: expect.stringMatching(words),
      expected: ['expected'],
    });
  });
});
