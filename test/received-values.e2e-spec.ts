import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Module, Post, type Type, UseGuards } from '@nestjs/common';
import {
  Dpop,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  RequireAuthentication,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, startApp } from './support/running-app.js';
import { sharedMemory } from './support/shared-memory.js';

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let logger: LogCollector;

beforeEach(async () => {
  clock = new HandClock();
  client = await TestClient.create({ clock: clock.read });
  issuer = await TestIssuer.create({ clock: clock.read });
  logger = new LogCollector();
});

afterEach(closeApps);

function moduleOf(changes: Partial<DpopModuleOptions>, controllers: Type[], providers: Type[] = []): Type {
  const dpop = DpopModule.forRoot({
    origin: ORIGIN,
    accessToken: issuer.accessToken,
    clock: clock.read,
    storage: sharedMemory(),
    ...changes,
  });
  @Module({ imports: [dpop], controllers, providers })
  class AppModule {}
  return AppModule;
}

@UseGuards(DpopGuard)
@Controller('accounts')
class AccountsController {
  @Get(':id')
  get(): string {
    return 'account';
  }

  @Post()
  create(): string {
    return 'created';
  }

  @RequireScopes('accounts:write', 'accounts:close')
  @Get(':id/closure')
  close(): string {
    return 'closed';
  }

  @RequireAuthentication({ acrValues: ['phr'], maxAgeSeconds: 300 })
  @Get(':id/secrets')
  reveal(): string {
    return 'secrets';
  }

  @Dpop({ nonce: 'required' })
  @Get(':id/nonce')
  nonce(): string {
    return 'nonce';
  }
}

describe.each(PLATFORMS)('logReceivedValues on %s (D9)', (platform) => {
  const start = (changes: Partial<DpopModuleOptions> = { logReceivedValues: true }) =>
    startApp(platform, moduleOf(changes, [AccountsController]), { logger });

  test('is off by default, and loud at start when it is on', async () => {
    await start({});
    expect(logger.text).not.toContain('logReceivedValues');
    await start();
    expect(logger.text).toMatch(/^warn .*logReceivedValues is on/m);
  });

  test.each(['yes', 1, null])('is true or false, not %j', async (value) => {
    await expect(start({ logReceivedValues: value as never })).rejects.toThrow(
      /^logReceivedValues must be true or false/,
    );
  });

  test('shows what the client signed, and what it asked for', async () => {
    const app = await start();
    const token = await issuer.issueToken({ client });
    const answer = await call(app, client, {
      path: '/accounts/7?secret=s3cret',
      token,
      claims: { htu: `https://wrong.example/accounts/7?access_token=${token}`, htm: 'PUT' },
    });
    expect(logger.text).toContain('received: request method "GET", target "/accounts/7?(not shown)"');
    expect(logger.text).toContain('htu "https://wrong.example/accounts/7?(not shown)"');
    expect(logger.text).toContain('htm "PUT"');
    expect(logger.text).toContain(`iss "${issuer.issuer}"`);
    expect(logger.text).toMatch(/typ "dpop\+jwt", alg "ES256"/);
    expect(logger.text).toMatch(/kid "[^"]+"/);
    expect(logger.text).not.toContain('s3cret');
    expect(JSON.stringify(answer.body) + answer.challenge).not.toContain('wrong.example');
  });

  test('escapes and cuts it', async () => {
    const app = await start();
    const token = await issuer.issueToken({
      client,
      claims: { aud: `\u001b[31m\u2028\n"${'a'.repeat(500)}` },
    });
    await call(app, client, {
      path: '/accounts/7',
      token,
      claims: { htu: `\r\nwarn forged\u202e${'h'.repeat(4000)}` },
    });
    const line = logger.lines.find((text) => text.includes('refused:')) ?? '';
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(line).toContain(String.raw`htu "\r\nwarn forged\u202ehhhh`);
    expect(line).toContain(String.raw`aud "\u001b[31m\u2028\n\"aaa`);
    expect(line.length).toBeLessThan(1500);
  });

  test('never shows a token, proof, nonce, jti or ath, wherever the client has put it', async () => {
    const app = await start();
    const token = await issuer.issueToken({ client, claims: { jti: 'jti-of-the-token' } });
    const secrets = ['jti-of-the-proof', 'nonce-of-the-proof', 'jti-of-the-token', ...token.split('.')];
    const claims = { jti: 'jti-of-the-proof', nonce: 'nonce-of-the-proof' };
    for (const [name, secret] of secrets.flatMap((text) => [
      ['htu', text] as const,
      ['htm', text] as const,
    ])) {
      const proof = await proofFor(client, {
        path: '/accounts/7',
        token,
        claims: { ...claims, [name]: `x ${secret}` },
      });
      await call(app, client, { path: '/accounts/7', token, proof });
      expect(logger.text).not.toContain(proof.split('.')[1]);
      expect(logger.text).not.toContain(proof.split('.')[2]);
    }
    for (const secret of secrets) expect(logger.text).not.toContain(secret);
    expect(logger.text).toContain('(not shown)');
  });

  test.each([
    ['nothing', {}],
    ['garbage', { authorization: 'DPoP x', dpop: '..' }],
    ['octets that are no UTF-8', { authorization: 'DPoP _w._w._w', dpop: '_w._w._w' }],
    ['JSON that is no object', { authorization: 'DPoP bnVsbA.W10.MQ', dpop: 'bnVsbA.W10.MQ' }],
    ['an array for an audience', { authorization: 'DPoP e30.eyJhdWQiOlsxLHsiYSI6MX1dfQ.e30' }],
  ])('takes %s as it comes', async (_what, headers) => {
    const app = await start();
    const answer = await call(app, client, { path: '/accounts/7', headers });
    expect([400, 401]).toContain(answer.status);
    expect(logger.text).toContain('received: request method "GET"');
  });
});
