import { describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopOAuthException } from './dpop-oauth.exception.js';

describe('a refusal of an authorization server (G2)', () => {
  test('is 400 and the JSON of RFC 6749 §5.2, whatever a resource server would answer', () => {
    const error = new DpopError('proof_htm');
    const exception = new DpopOAuthException(error);
    expect(error.status).toBe(401);
    expect(exception.getStatus()).toBe(400);
    expect(exception.getResponse()).toEqual({
      error: 'invalid_dpop_proof',
      error_description: 'The htm claim does not match the request method',
    });
    expect(exception).toMatchObject({ error: 'invalid_dpop_proof', message: error.message, cause: error });
  });

  test.each([
    ['nonce_missing', 'Authorization server requires nonce in DPoP proof'],
    ['nonce_renewal', 'Authorization server requires a new nonce in DPoP proof'],
    ['https_required', 'This endpoint requires https'],
  ] as const)('for %s speaks of the server, and not of a resource', (reason, sentence) => {
    const exception = new DpopOAuthException(new DpopError(reason));
    expect(exception.message).toBe(sentence);
    expect(exception.getResponse()).toMatchObject({ error_description: sentence });
  });

  test('captures no stack, and leaves the limit as it was', () => {
    const limit = Error.stackTraceLimit;
    const { stack } = new DpopOAuthException(new DpopError('proof_missing'));
    expect(stack).not.toContain('\n    at ');
    expect(Error.stackTraceLimit).toBe(limit);
    expect(limit).toBeGreaterThan(0);
  });

  test('takes its headers back when it is withdrawn, if there are any (D10)', () => {
    let withdrawn = 0;
    const error = new DpopError('proof_missing');
    new DpopOAuthException(error, () => (withdrawn += 1)).withdraw();
    expect(withdrawn).toBe(1);
    expect(() => new DpopOAuthException(error).withdraw()).not.toThrow();
  });
});

test('a failure of an authorization server is 503, and no fault of the client (D8)', () => {
  const failure = new DpopUnavailableError('internal_failure');
  const exception = new DpopOAuthException(failure);
  expect(exception.getStatus()).toBe(503);
  expect(exception.getResponse()).toEqual({
    error: 'temporarily_unavailable',
    error_description: failure.message,
  });
});
