import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Body, Controller, type INestApplication, Module, Post, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { McpController, Tool } from '@rekog/mcp-nest';
import { z } from 'zod';
import { type Answer, call as send } from '../../test/support/call.js';
import { ORIGIN } from '../../test/support/origin.js';
import { Dpop, SkipDpop } from '../guard/policy.decorators.js';
import { RequireAnyScope, RequireScopes } from '../guard/rights.decorators.js';
import { DpopModule } from '../module/dpop.module.js';
import { TestClient, TestIssuer } from '../testing/index.js';
import { DpopMcpGuard } from './dpop-mcp.guard.js';

const tool = (name: string) => Tool({ name, description: name, parameters: z.object({}) });

@McpController()
class Tools {
  @tool('plain')
  plain(): void {}

  @RequireScopes('write')
  @tool('write')
  write(): void {}

  @RequireScopes('read', 'write')
  @tool('both')
  both(): void {}

  @RequireAnyScope('a', 'b')
  @tool('any')
  any(): void {}

  @Dpop({ nonce: 'required' })
  @tool('nonce')
  nonce(): void {}

  @Dpop()
  @tool('closed')
  closed(): void {}
}

/** The bodies that reached the endpoint. */
const received: unknown[] = [];

class Endpoint {
  @Post()
  post(@Body() body: unknown): void {
    received.push(body);
  }
}

@UseGuards(DpopMcpGuard)
@RequireScopes('read')
@Controller('read')
class ReadEndpoint extends Endpoint {}

@UseGuards(DpopMcpGuard)
@Controller('plain')
class PlainEndpoint extends Endpoint {}

@UseGuards(DpopMcpGuard)
@Controller('open')
class OpenEndpoint {
  @SkipDpop()
  @Post()
  post(@Body() body: unknown): void {
    received.push(body);
  }
}

let issuer: TestIssuer;
let client: TestClient;
let app: INestApplication;
const reached = { url: '' };

beforeAll(async () => {
  [issuer, client] = await Promise.all([TestIssuer.create(), TestClient.create()]);
  const dpop = DpopModule.forRoot({
    origin: ORIGIN,
    accessToken: issuer.accessToken,
    unguardedRoutes: 'warn',
  });
  const controllers: Type[] = [Tools, ReadEndpoint, PlainEndpoint, OpenEndpoint];
  @Module({ imports: [dpop], controllers })
  class AppModule {}
  app = await NestFactory.create(AppModule, {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  await app.listen(0, '127.0.0.1');
  reached.url = await app.getUrl();
});

afterAll(() => app.close());

const callOf = (name: string) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } });

/** Calls a tool with a token that has these scopes, or without a token. */
async function callTool(path: string, name: string, scopes?: readonly string[]): Promise<Answer> {
  received.length = 0;
  const token = scopes && (await issuer.issueToken({ client, scopes }));
  return await send(reached, client, {
    method: 'POST',
    path,
    body: callOf(name),
    ...(token !== undefined && { token }),
  });
}

/** The parameter `scope` of the challenge. */
const scopeOf = ({ challenge }: Answer) => /scope="([^"]*)"/.exec(challenge ?? '')?.[1];

describe('the guard of an MCP endpoint (D2)', () => {
  test.each([
    ['/plain', 'plain', []],
    ['/plain', 'unknown', []],
    ['/plain', 'write', ['write']],
    ['/read', 'plain', ['read']],
    ['/read', 'write', ['read', 'write']],
    ['/open', 'any', ['b']],
    ['/open', 'unknown', undefined],
  ])('at %s, a call of the tool "%s" passes with the scopes %j', async (path, name, scopes) => {
    expect((await callTool(path, name, scopes)).status).toBe(201);
    expect(received).toEqual([callOf(name)]);
  });

  test.each([
    ['/read', 'plain', [], 'read'],
    ['/read', 'write', ['read'], 'read write'],
    ['/read', 'both', ['read'], 'read write'],
    ['/plain', 'write', ['read'], 'write'],
    ['/plain', 'any', ['read'], 'a b'],
    ['/read', 'any', ['read'], 'read a b'],
    ['/open', 'write', ['read'], 'write'],
  ])(
    'at %s, the tool "%s" with the scopes %j is refused with scope="%s"',
    async (path, name, scopes, scope) => {
      const answer = await callTool(path, name, scopes);
      expect(answer).toMatchObject({ status: 403, code: 'insufficient_scope' });
      expect(scopeOf(answer)).toBe(scope);
      expect(received).toStrictEqual([]);
    },
  );

  test.each([
    ['/read', 'plain', 'read'],
    ['/plain', 'write', undefined],
    ['/open', 'write', 'write'],
    ['/open', 'closed', undefined],
  ])('at %s, the tool "%s" without a token asks for the scopes %j', async (path, name, scope) => {
    const answer = await callTool(path, name);
    expect(answer).toMatchObject({ status: 401, code: 'credentials_missing' });
    expect(scopeOf(answer)).toBe(scope);
    expect(received).toStrictEqual([]);
  });

  test('names the scopes to a client whose token is not valid, and to no other', async () => {
    const foreign = await TestIssuer.create({ issuer: issuer.issuer });
    const token = await foreign.issueToken({ client });
    const options = { method: 'POST', path: '/read', body: callOf('plain') };
    const invalid = await send(reached, client, { ...options, token });
    expect({ ...invalid, scope: scopeOf(invalid) }).toMatchObject({ code: 'invalid_token', scope: 'read' });
    const unproved = await send(reached, client, {
      ...options,
      token: await issuer.issueToken({ client }),
      origin: 'https://other.example.com',
    });
    expect(unproved).toMatchObject({ code: 'invalid_dpop_proof' });
    expect(scopeOf(unproved)).toBeUndefined();
  });

  test('demands the nonce of a tool before the call', async () => {
    const answer = await callTool('/read', 'nonce', ['read']);
    expect(answer).toMatchObject({ status: 401, code: 'use_dpop_nonce', nonce: expect.any(String) });
    expect(scopeOf(answer)).toBeUndefined();
    expect(received).toStrictEqual([]);
  });
});
