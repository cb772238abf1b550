import { describe, expect, test } from '@jest/globals';
import { DpopError } from '../errors/dpop.error.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { parseRefusal } from './introspection-refusal.js';

describe('a request that the endpoint refuses (B7, B8)', () => {
  test.each(['invalid_client', 'invalid_request', 'unauthorized_client', 'access_denied'])(
    'for %s is a failure that names it',
    (error) => {
      expect(parseRefusal(JSON.stringify({ error }))).toEqual(
        new OutboundError(`it refused the request (status 400, ${error})`),
      );
    },
  );

  test.each([
    '{"error":"FORGED"}',
    '{"error":["invalid_client"]}',
    '"invalid_client"',
    'null',
    'no JSON',
    '',
  ])('with %j is a failure without a name', (body) => {
    expect(parseRefusal(body)).toEqual(new OutboundError('it refused the request (status 400)'));
  });

  test('as unsupported_token_type refuses the token', () => {
    const error = parseRefusal('{"error":"unsupported_token_type"}');
    expect(error).toBeInstanceOf(DpopError);
    expect(error).toMatchObject({
      reason: 'token_invalid',
      details: {
        advice:
          'the introspection endpoint does not introspect tokens of this form (unsupported_token_type); if it is a JWT of this issuer, verify it by signature instead',
      },
    });
  });
});
