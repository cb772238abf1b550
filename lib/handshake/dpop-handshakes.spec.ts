import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LogCollector } from '../../test/support/log-collector.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopError } from '../errors/dpop.error.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { DpopModule } from '../module/dpop.module.js';
import type { DpopVerifier } from '../verification/dpop.verifier.js';
import { DpopHandshakes } from './dpop-handshakes.js';

/** Answers when the test says so. */
class SlowVerifier extends AccessTokenVerifier {
  readonly waiting: ((error: Error) => void)[] = [];

  override verify(): Promise<AccessTokenClaims> {
    return new Promise((_resolve, reject) => this.waiting.push(reject));
  }

  answerAll(): void {
    for (const reject of this.waiting.splice(0)) reject(new Error('no answer'));
  }
}

let verifier: SlowVerifier;
let context: INestApplicationContext;
let log: LogCollector;

beforeEach(async () => {
  log = new LogCollector();
  verifier = new SlowVerifier();
  @Module({ imports: [DpopModule.forRoot({ origin: 'https://api.example.com', accessToken: verifier })] })
  class AppModule {}
  context = await NestFactory.createApplicationContext(AppModule, { logger: log });
});

afterEach(async () => {
  await context.close();
});

function requestWith(headers: Readonly<Record<string, string>>): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/feed';
  request.rawHeaders = Object.entries(headers).flat();
  return request;
}

const slow = { Authorization: 'DPoP token', DPoP: 'header.payload.signature' };

describe('handshakes (J1)', () => {
  test('that wait are bounded: further ones are told to come back', async () => {
    const handshakes = context.get(DpopHandshakes);
    const waiting = Array.from({ length: 4096 }, () => handshakes.verify(requestWith(slow)));
    const { refusal } = await handshakes.verify(requestWith(slow));
    expect(refusal).toMatchObject({ status: 503, headers: { 'Retry-After': '1' } });
    expect(refusal?.headers).not.toHaveProperty('WWW-Authenticate');
    expect(verifier.waiting).toHaveLength(4096);
    expect(log.text).toContain('handshakes_full');
    verifier.answerAll();
    await Promise.all(waiting);
    const next = handshakes.verify(requestWith(slow));
    expect(verifier.waiting).toHaveLength(1);
    verifier.answerAll();
    expect(await next).toMatchObject({ refusal: { status: 503 } });
    expect(await handshakes.verify(requestWith({}))).toMatchObject({ refusal: { status: 401 } });
  });

  test('are never answered with a header that the app has broken', async () => {
    const nonce = 'nonce\r\nSet-Cookie: a=b';
    const authorize = () => Promise.reject(new DpopError('nonce_missing', { nonce }));
    const broken = { examineOnce: () => ({ authorize, decisions: {} }) } as unknown as DpopVerifier;
    const handshakes = new DpopHandshakes(broken, context.get<DpopConfig>(DPOP_CONFIG));
    const { refusal } = await handshakes.verify(requestWith(slow));
    expect(refusal).toMatchObject({ status: 503, headers: { 'Retry-After': '1' } });
    expect(JSON.stringify(refusal)).not.toContain('Cookie');
    expect(log.text).toContain('internal_failure; TypeError');
    expect(log.text).not.toContain('Cookie');
  });
});
