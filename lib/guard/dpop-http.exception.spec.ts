import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopHttpException } from './dpop-http.exception.js';

describe('the exception of a refusal (D6)', () => {
  test('has the body of Nest with the stable code, and the status wherever GraphQL servers look', () => {
    const error = new DpopError('scope_insufficient', { scopes: ['write'] });
    const exception = new DpopHttpException(error);
    expect(exception.getStatus()).toBe(403);
    expect(exception.getResponse()).toEqual({
      statusCode: 403,
      message: error.message,
      error: 'Forbidden',
      code: 'insufficient_scope',
    });
    expect(exception.extensions).toEqual({ code: 'insufficient_scope', http: { status: 403 } });
    expect(exception.statusCode).toBe(403);
    expect(exception.cause).toBe(error);
  });

  test('is the same for a failure of the service', () => {
    const exception = new DpopHttpException(new DpopUnavailableError('internal_failure'));
    expect(exception.getResponse()).toMatchObject({
      statusCode: 503,
      error: 'Service Unavailable',
      code: 'temporarily_unavailable',
    });
  });

  test('has headers for transports without a response, which no logger prints (D9)', () => {
    const headers = { 'DPoP-Nonce': 'secret-nonce' };
    const exception = new DpopHttpException(new DpopError('nonce_missing'), undefined, headers);
    expect(exception.headers).toEqual(headers);
    expect(Object.isFrozen(exception.headers)).toBe(true);
    expect(inspect(exception)).not.toContain('secret-nonce');
    expect(new DpopHttpException(new DpopError('nonce_missing')).headers).toEqual({});
  });

  test('captures no stack, which would cost more than most checks, and leaves the limit as it was', () => {
    const limit = Error.stackTraceLimit;
    const { stack } = new DpopHttpException(new DpopError('credentials_missing'));
    expect(stack).not.toContain('\n    at ');
    expect(Error.stackTraceLimit).toBe(limit);
    expect(limit).toBeGreaterThan(0);
  });

  test('takes its headers back when it is withdrawn, if there are any (D10)', () => {
    let withdrawn = 0;
    const error = new DpopError('credentials_missing');
    new DpopHttpException(error, () => (withdrawn += 1)).withdraw();
    expect(withdrawn).toBe(1);
    expect(() => new DpopHttpException(error).withdraw()).not.toThrow();
  });
});
