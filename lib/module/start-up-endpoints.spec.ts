import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, type DynamicModule, Module, Post, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD, ModulesContainer } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import { Test, type TestingModule } from '@nestjs/testing';
import { DpopAuthorizationServerModule } from '../authorization-server/dpop-authorization-server.module.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopBound } from '../guard/dpop-bound.decorator.js';
import { DpopProof } from '../guard/dpop-proof.decorator.js';
import { DpopProofGuard } from '../guard/dpop-proof.guard.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { TestIssuer } from '../testing/test-issuer.js';
import { DpopModule } from './dpop.module.js';

let issuer: TestIssuer;
let warnings: string[];
let started: TestingModule[] = [];

const logger = {
  log: () => undefined,
  error: () => undefined,
  warn: (text: unknown) => void warnings.push(String(text)),
};

beforeAll(async () => {
  issuer = await TestIssuer.create();
});

beforeEach(() => {
  warnings = [];
});

afterEach(async () => {
  for (const app of started) await app.close();
  started = [];
});

@Controller('token')
class Token {
  @Post()
  issue(@DpopBound() _jkt: string): void {}
}

@Controller('par')
class Pushed {
  @DpopProof()
  @Post()
  push(): void {}

  @DpopProof()
  @Post('again')
  again(): void {}
}

@RequireScopes('read')
@Controller('accounts')
class Accounts {
  @Post()
  create(): void {}
}

const storage = Object.assign(new MemoryStorage(), { shared: true });
let registered = 0;

function dpop(options: Partial<DpopModuleOptions> = {}): DynamicModule {
  const realm = String((registered += 1));
  const { accessToken } = issuer;
  return DpopModule.forRoot({ origin: 'https://api.example.com', accessToken, storage, realm, ...options });
}

const authorizationServer = (): DynamicModule =>
  DpopAuthorizationServerModule.forRoot({ issuer: 'https://auth.example.com', storage });

interface App {
  readonly imports?: readonly DynamicModule[];
  readonly controllers?: readonly Type[];
  readonly providers?: NonNullable<DynamicModule['providers']>;
}

/** Starts an app on Express. */
async function start({ imports = [dpop()], controllers = [], providers = [] }: App): Promise<void> {
  @Module({})
  class Root {}
  const root = { module: Root, imports: [...imports], controllers: [...controllers], providers };
  const testing = await Test.createTestingModule({ imports: [root] })
    .setLogger(logger)
    .compile();
  started.push(testing);
  await testing.createNestApplication().init();
}

const behind = (base: Type): Type => {
  @UseGuards(DpopProofGuard)
  class Guarded extends base {}
  Object.defineProperty(Guarded, 'name', { value: base.name });
  return Guarded;
};

describe('an app without an authorization server (G7)', () => {
  const text =
    'Only DpopProofGuard enforces @DpopProof, and it does not cover these handlers: Pushed.push, Pushed.again. ' +
    'Use @Dpop on a resource. An endpoint of an authorization server needs DpopAuthorizationServerModule and @UseGuards(DpopProofGuard)';

  test('does not start if nothing enforces @DpopProof, or starts with a warning', async () => {
    await expect(start({ controllers: [Pushed] })).rejects.toThrow(
      new TypeError(
        `${text}. If another guard of the app calls DpopGuard, set unguardedRoutes: 'warn' to start with a warning`,
      ),
    );
    await start({ imports: [dpop({ unguardedRoutes: 'warn' })], controllers: [Pushed] });
    expect(warnings).toEqual([`${text}. If another guard of the app calls DpopGuard, ignore this warning`]);
  });

  test('is not told of DpopProofGuard where it lacks DpopGuard', async () => {
    await expect(start({ controllers: [Accounts] })).rejects.toThrow(
      /^No DpopGuard covers these handlers, .*with inheritAppConfig: true\. If another guard/,
    );
  });
});

describe('an app with both servers (G7, I2)', () => {
  const imports = () => [dpop(), authorizationServer()];

  test('is told which guard is the right one', async () => {
    await expect(start({ imports: imports(), controllers: [Accounts] })).rejects.toThrow(
      /^No DpopGuard covers these handlers, .*Accounts\.create \(@RequireScopes\).* it lets any key in\. If another/,
    );
    await expect(start({ imports: imports(), controllers: [behind(Accounts)] })).rejects.toThrow(
      /^DpopProofGuard verifies no access token, and these decorators need one: Accounts\.create \(@RequireScopes\)\. /,
    );
  });

  test('leaves @DpopProof to the check of the authorization server', async () => {
    await expect(start({ imports: imports(), controllers: [Pushed] })).rejects.toThrow(
      /^No guard covers these handlers, .*: Pushed\.push \(@DpopProof\), Pushed\.again \(@DpopProof\)\. .*If another guard of the app enforces them/,
    );
    await start({ imports: imports(), controllers: [behind(Pushed), behind(Token)] });
    expect(warnings).toStrictEqual([]);
  });

  test('does not start if only a global DpopProofGuard covers a message: Nest may not run it', async () => {
    @Controller()
    class Messages {
      @MessagePattern('sum')
      sum(@DpopBound() _jkt: string): void {}
    }
    const providers = [{ provide: APP_GUARD, useExisting: DpopProofGuard }];
    await start({ imports: imports(), controllers: [Token], providers });
    await expect(start({ imports: imports(), controllers: [Messages], providers })).rejects.toThrow(
      /^No DpopGuard covers these handlers, .*: Messages\.sum \(@DpopBound\)\. .*inheritAppConfig/,
    );
  });
});

test('one module may not import two registrations (I3)', async () => {
  const imports = [dpop({ isGlobal: false }), dpop({ isGlobal: false })];
  await expect(start({ imports })).rejects.toThrow(
    /^Root imports two registrations of DpopModule with isGlobal: false, /,
  );
});

test('an app without HTTP starts with Nest 11.0, which does not tell the servers of microservices (I2)', async () => {
  @Module({})
  class Root {}
  const root = { module: Root, imports: [dpop()], controllers: [Accounts] };
  const testing = await Test.createTestingModule({ imports: [root] })
    .setLogger(logger)
    .compile();
  started.push(testing);
  Object.defineProperty(testing.get(ModulesContainer), 'getRpcTargetRegistry', { value: undefined });
  await expect(testing.init()).resolves.toBe(testing);
});
