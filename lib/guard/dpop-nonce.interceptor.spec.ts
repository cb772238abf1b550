import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type CallHandler, type ExecutionContext, Logger } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { of } from 'rxjs';
import { createConfig } from '../config/dpop-config.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { DpopNonceInterceptor } from './dpop-nonce.interceptor.js';

const lines: string[] = [];
const write =
  (level: string) =>
  (text: unknown, ...rest: unknown[]): void =>
    void lines.push(`${level} [${String(rest.at(-1))}] ${String(text)}`);
Logger.overrideLogger({ log: write('log'), warn: write('warn'), error: write('error') });

class NoTokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return {};
  }
}

beforeEach(() => {
  lines.length = 0;
});

function create(secrets: NonceSecretSource = new FixedNonceSecrets()): DpopNonceInterceptor {
  const config = createConfig({ origin: 'https://api.example.com', accessToken: new NoTokens() });
  const nonces = new StatelessNonceService({
    secrets,
    service: 'test',
    lifetimeSeconds: 60,
    clock: Date.now,
  });
  const { replayStore } = new MemoryStorage();
  const verifier = new DpopVerifier({ rules: config, accessTokens: new NoTokens(), nonces, replayStore });
  const adapterHost = { httpAdapter: {} } as HttpAdapterHost;
  return new DpopNonceInterceptor(verifier, config, adapterHost);
}

class NonceController {
  create(): void {}
}

const handled = of('handled');
const next: CallHandler = { handle: () => handled };

function contextOf(...args: readonly unknown[]): ExecutionContext {
  return new ExecutionContextHost([...args], NonceController, NonceController.prototype.create);
}

function exchange() {
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'POST',
    route: { path: '/nonce' },
  });
  const response = new ServerResponse(request);
  const headersWith = (status: number) => ({ ...response.writeHead(status).getHeaders() });
  return { context: contextOf(request, response), headersWith };
}

describe('the response of a route that hands out nonces (E7)', () => {
  test.each([200, 201, 404])('has a fresh one with any status, %i, and no cache keeps it', (status) => {
    const { context, headersWith } = exchange();
    expect(create().intercept(context, next)).toBe(handled);
    expect(headersWith(status)).toMatchObject({
      'dpop-nonce': expect.stringMatching(/^[\w-]{20,}$/),
      'cache-control': 'no-store',
    });
    expect(lines).toStrictEqual([]);
  });

  test.each([
    ['no response', [{}, undefined]],
    ['no transport that is known', []],
  ])('is left alone where there is %s', (_what, args) => {
    const away = create({ secrets: () => Promise.reject(new Error('not asked')) as never });
    expect(away.intercept(contextOf(...args), next)).toBe(handled);
    expect(lines).toStrictEqual([]);
  });
});

describe('without secrets, such a route (D8, D9)', () => {
  const failing = (error: Error) =>
    create({
      secrets: () => {
        throw error;
      },
    });
  const thrownBy = (act: () => unknown): unknown => {
    try {
      act();
    } catch (thrown) {
      return thrown;
    }
    throw new Error('it has not thrown');
  };

  test('is 503, with when to come back, and without a nonce', () => {
    const { context, headersWith } = exchange();
    const failure = new DpopUnavailableError('nonce_secrets_unavailable', { retryAfterSeconds: 3 });
    expect(thrownBy(() => failing(failure).intercept(context, next))).toMatchObject({
      statusCode: 503,
      cause: failure,
    });
    const headers = headersWith(503);
    expect(headers).toMatchObject({ 'retry-after': '3', 'cache-control': 'no-store' });
    expect(headers).not.toHaveProperty('dpop-nonce');
    expect(lines).toEqual([
      'error [DpopNonceInterceptor] answered 503: nonce_secrets_unavailable; on POST /nonce (NonceController.create)',
    ]);
  });

  test('leaves no trace of that on an answer with another status (D10)', () => {
    const { context, headersWith } = exchange();
    thrownBy(() => failing(new DpopUnavailableError('nonce_secrets_unavailable')).intercept(context, next));
    expect(headersWith(200)).toEqual({});
  });

  test('is 503 for a refusal, too: the client has asked for nothing that could be refused', () => {
    const refusal = new DpopError('token_invalid');
    const thrown = thrownBy(() => failing(refusal).intercept(exchange().context, next));
    expect(thrown).toMatchObject({
      statusCode: 503,
      cause: { name: 'DpopUnavailableError', reason: 'internal_failure', cause: refusal },
    });
    expect(lines).toEqual([
      expect.stringMatching(/^error \[DpopNonceInterceptor\] answered 503: internal_failure; /),
    ]);
  });
});
