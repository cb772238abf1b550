import type { ArgumentsHost } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { SecurityEventAnswers, SecurityEventFilter } from './security-event-answers.js';
import { SecurityEventError } from './security-event.error.js';

const RESPONSE = { name: 'response' };
let written: unknown[];

beforeEach(() => {
  written = [];
});

const answers = new SecurityEventAnswers({
  httpAdapter: {
    setHeader: (response: unknown, name: string, value: string) => written.push([response, name, value]),
    reply: (response: unknown, body: unknown, status: number) => written.push([response, body, status]),
  },
} as unknown as HttpAdapterHost);

describe('the answers to Security Event Tokens (B9, D5)', () => {
  test('202 has no body', () => {
    answers.accepted(RESPONSE);
    expect(written).toEqual([[RESPONSE, undefined, 202]]);
  });

  test('503 says when to send again, and nothing else', () => {
    answers.failed(RESPONSE, new DpopUnavailableError('internal_failure', { retryAfterSeconds: 7 }));
    expect(written).toEqual([
      [RESPONSE, 'Retry-After', '7'],
      [RESPONSE, undefined, 503],
    ]);
  });

  test.each([
    ['form', 400, []],
    ['content_type', 415, []],
    ['size', 413, [[RESPONSE, 'Connection', 'close']]],
    ['method', 405, [[RESPONSE, 'Allow', 'POST']]],
  ] as const)('a refusal has code and sentence: %s', (reason, status, headers) => {
    const error = new SecurityEventError(reason, { expected: ['secret'] });
    answers.failed(RESPONSE, error);
    expect(written).toEqual([
      [RESPONSE, 'Content-Language', 'en'],
      ...headers,
      [RESPONSE, { err: error.code, description: error.message }, status],
    ]);
  });

  test('a filter writes the refusal that the guard throws', () => {
    const host = { switchToHttp: () => ({ getResponse: () => RESPONSE }) } as unknown as ArgumentsHost;
    new SecurityEventFilter(answers).catch(new SecurityEventError('authorization'), host);
    expect(written.at(-1)).toEqual([
      RESPONSE,
      { err: 'authentication_failed', description: 'The Authorization header is not the expected one' },
      400,
    ]);
  });
});
