import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { toFailureException } from './failure-exception.js';

describe('the exception of a failure (D8)', () => {
  const failure = new DpopUnavailableError('verdict_missing', { retryAfterSeconds: 7 });
  const createResponse = () => new ServerResponse(new IncomingMessage(new Socket()));
  const headersOf = (response: ServerResponse, status: number) => ({
    ...response.writeHead(status).getHeaders(),
  });

  test('tells the client of a response with its status, and of no other, when to come back', () => {
    const response = createResponse();
    const exception = toFailureException(failure, response);
    expect(exception).toMatchObject({ statusCode: 503, cause: failure });
    expect(headersOf(response, 503)).toMatchObject({ 'retry-after': '7', 'cache-control': 'no-store' });
    const other = createResponse();
    toFailureException(failure, other);
    expect(headersOf(other, 200)).toEqual({});
  });

  test('takes its headers back when it is withdrawn (D10)', () => {
    const response = createResponse();
    toFailureException(failure, response).withdraw();
    expect(headersOf(response, 503)).toEqual({});
  });

  test.each([[undefined], [{}]])('has them for transports without an HTTP response: %p', (response) => {
    const exception = toFailureException(failure, response);
    expect(exception.headers).toMatchObject({ 'Retry-After': '7' });
    expect(() => exception.withdraw()).not.toThrow();
  });
});
