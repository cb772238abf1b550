import { expect, test } from '@jest/globals';
import { Controller, type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import { MemoryStorage } from '../storage/memory.storage.js';
import { TestIssuer } from '../testing/test-issuer.js';
import { toRpcException } from '../transport/rpc-exception.js';
import { DpopModule } from './dpop.module.js';

@Controller()
class Messages {
  @MessagePattern('sum')
  sum(): void {}
}

function rootOf(dpop: DynamicModule, controllers: readonly Type[]): DynamicModule {
  @Module({})
  class Root {}
  return { module: Root, imports: [dpop], controllers: [...controllers] };
}

// Once in a process, the class stays loaded.
test('the exceptions of messages are loaded for an app with handlers of messages, and for no other (I2)', async () => {
  const { accessToken } = await TestIssuer.create();
  const storage = Object.assign(new MemoryStorage(), { shared: true });
  const dpop = DpopModule.forRoot({ origin: 'https://api.example.com', accessToken, storage });
  const exceptionWith = async (controllers: readonly Type[]): Promise<Error | undefined> => {
    const app = await NestFactory.createApplicationContext(rootOf(dpop, controllers), {
      logger: false,
      abortOnError: false,
    });
    await app.close();
    return toRpcException({ status: 401, code: 'invalid_token', message: 'expired' } as never);
  };
  expect(await exceptionWith([])).toBeUndefined();
  expect(await exceptionWith([Messages])).toBeInstanceOf(Error);
});
