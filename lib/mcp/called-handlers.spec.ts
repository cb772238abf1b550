import { beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { InstanceWrapper } from '@nestjs/core/injector/instance-wrapper.js';
import { EventPattern } from '@nestjs/microservices';
import { McpController, Prompt, Resource, Tool } from '@rekog/mcp-nest';
import { z } from 'zod';
import { CalledHandlers } from './called-handlers.js';

const tool = (name: string) => Tool({ name, description: name, parameters: z.object({}) });

class BaseTools {
  @tool('inherited')
  inherited(): void {}

  @tool('overridden')
  overridden(): void {}

  @tool('replaced')
  replaced(): void {}
}

@McpController()
class Tools extends BaseTools {
  @tool('own')
  own(): void {}

  override overridden(): void {}

  @tool('replaced')
  override replaced(): void {}

  @Prompt({ name: 'own', description: 'A prompt with the name of a tool' })
  prompt(): void {}

  @Resource({ name: 'ledger', uri: 'ledger://all', description: 'All', mimeType: 'text/plain' })
  ledger(): void {}

  @EventPattern('happened', { some: 'extras' })
  happened(_payload: object): void {}

  @tool('twice')
  twice(): void {}

  plain(): void {}
}

@Controller()
class OtherTools {
  @tool('twice')
  twice(): void {}

  @tool('other')
  other(): void {}
}

let handlers: CalledHandlers;

beforeAll(async () => {
  @Module({ controllers: [OtherTools] })
  class OtherModule {}
  @Module({ imports: [OtherModule], controllers: [Tools] })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  const modules = app.get(ModulesContainer);
  // By its type, Nest may keep a controller without a class.
  for (const { controllers } of modules.values())
    controllers.set('none', new InstanceWrapper({ metatype: null }));
  handlers = new CalledHandlers(modules);
  await app.close();
});

const call = (name: unknown, method: unknown = 'tools/call') => ({ method, params: { name } });
const found = (type: object, method: string) => ({
  type,
  handler: (type as { prototype: Record<string, unknown> }).prototype[method],
});

describe('the handler that a message calls (D2)', () => {
  test('is a tool or a prompt of that name, own or inherited', () => {
    expect(handlers.in(call('own'))).toEqual([found(Tools, 'own')]);
    expect(handlers.in(call('own', 'prompts/get'))).toEqual([found(Tools, 'prompt')]);
    expect(handlers.in(call('inherited'))).toEqual([found(Tools, 'inherited')]);
    expect(handlers.in(call('other'))).toEqual([found(OtherTools, 'other')]);
  });

  test('is an override in place of the method that it overrides', () => {
    const [replaced] = handlers.in(call('replaced'));
    expect(replaced?.handler).toBe(Tools.prototype.replaced);
    expect(handlers.in(call('overridden'))).toStrictEqual([]);
  });

  test('is each of those that a batch calls, in order', () => {
    const batch = [call('other'), call('none'), null, call('own')];
    expect(handlers.in(batch)).toEqual([found(OtherTools, 'other'), found(Tools, 'own')]);
  });

  test('is left to the guards of the tools where two servers have the name', () => {
    expect(handlers.in(call('twice'))).toStrictEqual([]);
  });
});

test.each([
  undefined,
  null,
  'tools/call',
  {},
  { method: 'tools/call' },
  { method: 'tools/call', params: null },
  { method: 'tools/call', params: 'own' },
  { params: { name: 'own' } },
  call('own', 'tools/list'),
  call('ledger', 'resources/read'),
  // A handler with other metadata has neither kind nor name.
  { method: 'events/emit', params: {} },
  call(undefined),
  // What JSON can hold, and no text can be made of.
  call('own', { toString: 1, valueOf: 1 }),
  call('own', ['tools/call']),
])('the message %j calls none', (message) => {
  expect(handlers.in(message)).toStrictEqual([]);
});
