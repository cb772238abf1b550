import { describe, expect, test } from '@jest/globals';
import { Get, type Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import { isOfTool } from './rpc-handlers.js';
import { hasMessageHandlers } from './routes.js';

class Plain {
  @Get()
  read(): void {}
}

class Mixed {
  @Get()
  read(): void {}

  @MessagePattern('sum')
  sum(): void {}
}

class Inheriting extends Mixed {}

describe('whether an app receives messages (I2)', () => {
  const found = (controllers: readonly Type[], providers: readonly Type[] = []) => {
    const toMap = (types: readonly Type[]) => new Map(types.map((metatype) => [metatype, { metatype }]));
    const module = { controllers: toMap(controllers), providers: toMap(providers) };
    return hasMessageHandlers(new Map([['module', module]]) as unknown as ModulesContainer);
  };

  test('is told by one handler of any class, inherited or not', () => {
    expect(found([Plain, Mixed])).toBe(true);
    expect(found([Plain], [Inheriting])).toBe(true);
  });

  test('is not so without one, or without modules', () => {
    expect(found([Plain])).toBe(false);
    expect(found([])).toBe(false);
    expect(hasMessageHandlers(undefined)).toBe(false);
  });
});

describe('a tool of MCP (I2)', () => {
  const handlerWith = (extras: unknown, ...patterns: readonly string[]) => {
    const handler = () => undefined;
    Reflect.defineMetadata('microservices:pattern_extras', extras, handler);
    for (const pattern of patterns) Reflect.defineMetadata('microservices:pattern', [pattern], handler);
    return handler;
  };

  test('is a message of which @rekog/mcp-nest tells the kind', () => {
    expect(isOfTool(handlerWith({ mcpType: 'tool' }, 'sum'))).toBe(true);
    expect(isOfTool(handlerWith({ other: 1 }, 'sum'))).toBe(false);
    expect(isOfTool(handlerWith({ mcpType: 'tool' }))).toBe(false);
  });

  test.each([[null], [undefined], ['mcpType']])('is none with %p in place of the kind', (extras) => {
    expect(isOfTool(handlerWith(extras, 'sum'))).toBe(false);
  });
});
