import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  Controller,
  type DynamicModule,
  Get,
  Module,
  Post,
  type Provider,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { LogCollector } from '../../test/support/log-collector.js';
import type { DpopAuthorizationServerOptions } from '../config/authorization-server-options.js';
import { DpopBound } from '../guard/dpop-bound.decorator.js';
import { DpopProof } from '../guard/dpop-proof.decorator.js';
import { DpopProofGuard } from '../guard/dpop-proof.guard.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import { DpopModule } from '../module/dpop.module.js';
import { DpopAuthorizationServerModule } from './dpop-authorization-server.module.js';

let log: LogCollector;

beforeEach(() => {
  log = new LogCollector();
});

interface App {
  readonly imports?: readonly (DynamicModule | Type)[];
  readonly controllers?: readonly Type[];
  readonly providers?: readonly Provider[];
  readonly hasServer?: boolean;
}

const register = (options: Partial<DpopAuthorizationServerOptions> = {}): DynamicModule =>
  DpopAuthorizationServerModule.forRoot({ issuer: 'https://auth.example.com', ...options });

const resources = (): DynamicModule =>
  DpopModule.forRoot({
    origin: 'https://api.example.com',
    accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
    unguardedRoutes: 'warn',
  });

/** Starts an app without listening. */
async function start({ imports, controllers = [], providers = [], hasServer = true }: App): Promise<void> {
  @Module({
    imports: [...(imports ?? [register()])],
    controllers: [...controllers],
    providers: [...providers],
  })
  class RootModule {}
  const options = { logger: log, abortOnError: false };
  const app = hasServer
    ? await NestFactory.create(RootModule, options)
    : await NestFactory.createApplicationContext(RootModule, options);
  try {
    await app.init();
  } finally {
    await app.close();
  }
}

/** The warnings of the check, without those of a server in memory. */
const warnings = (): readonly string[] => log.lines.filter((line) => line.includes('No guard covers'));

@Controller('token')
class TokenController {
  @Post()
  issue(@DpopBound() jkt: string): object {
    return { jkt };
  }

  @DpopProof({ nonce: 'required' })
  @Post('par')
  push(): void {}
}

@UseGuards(DpopProofGuard)
@Controller('guarded')
class GuardedController extends TokenController {}

const UNGUARDED =
  'No guard covers these handlers, and their decorators enforce nothing: TokenController.issue (@DpopBound), TokenController.push (@DpopProof). Add @UseGuards(DpopProofGuard)';
const controllers = [TokenController];

describe('an authorization server with endpoints that no guard covers (G7)', () => {
  test('does not start, and is told what to do', async () => {
    await expect(start({ controllers })).rejects.toThrow(
      new TypeError(`${UNGUARDED}. If another guard of the app enforces them, set unguardedRoutes: 'warn'`),
    );
    await start({ controllers: [GuardedController] });
    expect(warnings()).toStrictEqual([]);
  });

  test('starts with one warning where every registration allows it', async () => {
    const warn = (path: string) =>
      register({ issuer: `https://${path}.example.com`, unguardedRoutes: 'warn', isGlobal: false });
    const parts = (...registrations: readonly DynamicModule[]) =>
      registrations.map((registration) => {
        class PartModule {}
        return { module: PartModule, imports: [registration] };
      });
    await start({ controllers, imports: parts(warn('one'), warn('two')) });
    expect(warnings()).toEqual([
      `warn ${UNGUARDED}. If another guard of the app enforces them, ignore this warning DpopAuthorizationServerModule`,
    ]);
    const strict = register({ isGlobal: false });
    await expect(start({ controllers, imports: parts(warn('one'), strict) })).rejects.toThrow(UNGUARDED);
  });

  test('starts in silence without a server, or where one guard is replaced, as tests do', async () => {
    await start({ controllers, hasServer: false });
    const replaced = (): DynamicModule => {
      const { providers = [], ...registration } = register({ isGlobal: false });
      const guard = { provide: DpopProofGuard, useValue: { canActivate: () => true } };
      return { ...registration, providers: [...providers, guard] };
    };
    class PartModule {}
    const another = register({ issuer: 'https://other.example.com', isGlobal: false });
    await start({ controllers, imports: [replaced(), { module: PartModule, imports: [another] }] });
    expect(warnings()).toStrictEqual([]);
  });

  test('does not start if only a global guard covers a message: Nest may not run it', async () => {
    class Messages {
      @DpopProof({ nonce: 'off' })
      @MessagePattern('issue')
      issue(): void {}
    }
    Controller()(Messages);
    const providers = [{ provide: APP_GUARD, useExisting: DpopProofGuard }];
    await expect(start({ controllers: [Messages] })).rejects.toThrow('Messages.issue (@DpopProof)');
    await expect(start({ controllers: [Messages], providers })).rejects.toThrow(
      'Messages.issue (@DpopProof)',
    );
    await start({ controllers, providers });
  });
});

describe('an authorization server beside resources (G7, I2)', () => {
  @UseGuards(DpopGuard, DpopProofGuard)
  @Controller('both')
  class Both {
    @Get()
    one(): void {}

    @Get()
    other(): void {}
  }

  test('does not start if both guards cover a handler', async () => {
    await expect(start({ imports: [register(), resources()], controllers: [Both] })).rejects.toThrow(
      new TypeError(
        'DpopGuard and DpopProofGuard both cover these handlers, and no proof satisfies both: Both.one, Both.other. ' +
          'Add @SkipDpop() to an endpoint of the authorization server, or remove DpopProofGuard from a resource',
      ),
    );
  });

  @RequireScopes('feed')
  @WebSocketGateway()
  class FeedGateway {
    @SubscribeMessage('read')
    read(): void {}
  }

  class Accounts {
    @RequireScopes('read')
    @Get()
    read(): void {}
  }
  Controller()(Accounts);

  test('does not start with decorators of resources unless DpopModule is there, which has its own check', async () => {
    await expect(start({ controllers: [Accounts], providers: [FeedGateway] })).rejects.toThrow(
      'Only DpopGuard enforces these decorators, and an app without DpopModule does not have it: Accounts.read (@RequireScopes), FeedGateway.read (@RequireScopes). Import DpopModule.forRoot',
    );
    await start({ imports: [register(), resources()], controllers: [Accounts] });
    await expect(start({ imports: [register(), resources()], controllers })).rejects.toThrow(
      'Add @UseGuards with the right guard. DpopGuard is for resources',
    );
  });
});
