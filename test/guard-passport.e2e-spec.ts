import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  Controller,
  ForbiddenException,
  Get,
  HttpException,
  Injectable,
  InternalServerErrorException,
  Req,
  UseGuards,
} from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import {
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  DpopStrategy,
  type DpopVerdict,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, UNAVAILABLE } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let hits = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

interface PassportActions {
  pass(): void;
  success(user: unknown, info?: unknown): void;
}

type ForeignAction = (actions: PassportActions) => void;

/** What passport asks of a strategy, and no more. */
class BareStrategy {
  authenticate(): void {
    throw new Error('not called');
  }
}

class ForeignStrategy extends PassportStrategy(BareStrategy, 'dpop') {
  constructor(private readonly act: ForeignAction) {
    super();
  }

  override authenticate(this: ForeignStrategy & PassportActions): void {
    this.act(this);
  }

  validate(): unknown {
    return { name: 'everybody' };
  }
}

/** Whoever is made last has the name "dpop" in passport's registry. */
function takeName(create: () => object): void {
  create();
}

@Controller()
class PlainPassportController {
  @UseGuards(AuthGuard('dpop'))
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }
}

@Controller()
class UnaskingController {
  @UseGuards(DpopGuard)
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }
}

/** Says yes without having asked. */
@Injectable()
class CarelessStrategy extends DpopStrategy {
  override validate(): Promise<DpopVerdict> {
    return Promise.resolve({ jkt: client.jkt, scheme: 'DPoP' } as DpopVerdict);
  }
}

/** Says nothing. */
@Injectable()
class SilentStrategy extends DpopStrategy {
  override validate(): Promise<DpopVerdict> {
    return Promise.resolve(undefined as never);
  }
}

type UserAnswer = () => unknown;

const USERS: Readonly<Record<string, UserAnswer>> = {
  wanted: () => ({ name: 'wanted' }),
  'looked up': () => Promise.resolve({ name: 'looked up' }),
  unwanted: () => {
    throw new ForbiddenException();
  },
  'found unwanted': () => Promise.reject(new ForbiddenException()),
  failing: () => {
    throw new InternalServerErrorException('quoted');
  },
  'failing later': () => Promise.reject(new Error('quoted')),
  redirected: () => {
    throw new HttpException('quoted', 302);
  },
};

/** Knows users of its own. */
@Injectable()
class UsersGuard extends DpopGuard {
  override handleRequest(_error: unknown, { subject = '' }: DpopVerdict): never {
    return USERS[subject]?.() as never;
  }
}

/** Asks a table of policies that is out of reach. */
@Injectable()
class LostPolicyGuard extends DpopGuard {
  protected override getPolicy(): never {
    throw new Error('quoted');
  }
}

@Controller()
class LostPolicyController {
  @UseGuards(LostPolicyGuard)
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }
}

@Controller()
class UsersController {
  @UseGuards(UsersGuard)
  @Get()
  read(@Req() request: { user: unknown }, @DpopBound() jkt: string): object {
    hits += 1;
    return { user: request.user, jkt };
  }
}

describe.each(PLATFORMS)('passport on %s', (platform) => {
  const actions: readonly (readonly [string, ForeignAction])[] = [
    ['pass()', (strategy) => strategy.pass()],
    ['success() with a user', (strategy) => strategy.success({ jkt: client.jkt, scheme: 'DPoP' })],
    ['success() with info', (strategy) => strategy.success({}, { verdict: true })],
  ];

  test.each(actions)('a foreign strategy "dpop" that calls %s is never asked', async (_name, act) => {
    // Its handler asks for no verdict, which would fail by itself.
    const controllers = [UnaskingController];
    const app = await startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot(options()), controllers }),
    );
    hits = 0;
    try {
      takeName(() => new ForeignStrategy(act));
      expect(await call(app, client)).toMatchObject({ status: 401 });
      expect(hits).toBe(0);
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
      expect(hits).toBe(1);
    } finally {
      takeName(() => new DpopStrategy());
    }
  });

  test.each([CarelessStrategy, SilentStrategy])(
    '%p in the place of ours lets nobody through',
    async (strategy) => {
      const dpop = DpopModule.forRoot(options());
      const providers = [{ provide: DpopStrategy, useClass: strategy }];
      const app = await startApp(
        platform,
        createRootModule({ dpop, controllers: [UnaskingController], providers }),
      );
      hits = 0;
      expect(await call(app, client)).toMatchObject(UNAVAILABLE);
      expect(await call(app, client, { token })).toMatchObject(UNAVAILABLE);
      expect(hits).toBe(0);
    },
  );

  async function callAs(sub: string) {
    const dpop = DpopModule.forRoot(options());
    const app = await startApp(platform, createRootModule({ dpop, controllers: [UsersController] }));
    hits = 0;
    return await call(app, client, { token: await issuer.issueToken({ client, claims: { sub } }) });
  }

  test.each(['wanted', 'looked up'])('handleRequest says who the user is: %s', async (name) => {
    const body = { user: { name }, jkt: client.jkt };
    expect(await callAs(name)).toMatchObject({ status: 200, body });
    expect(hits).toBe(1);
  });

  test.each(['unwanted', 'found unwanted'])('handleRequest may refuse after all: %s', async (name) => {
    expect(await callAs(name)).toMatchObject({ status: 403 });
    expect(hits).toBe(0);
  });

  test.each(['failing', 'failing later', 'redirected'])('handleRequest may fail: %s', async (name) => {
    const answer = await callAs(name);
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(JSON.stringify(answer.body)).not.toContain('quoted');
    expect(hits).toBe(0);
  });

  test('getPolicy may fail, and is told as any failure of ours', async () => {
    const dpop = DpopModule.forRoot(options());
    const logger = new LogCollector();
    const app = await startApp(platform, createRootModule({ dpop, controllers: [LostPolicyController] }), {
      logger,
    });
    hits = 0;
    for (const answer of [await call(app, client), await call(app, client, { token })]) {
      expect(answer).toMatchObject(UNAVAILABLE);
      expect(JSON.stringify(answer.body)).not.toContain('quoted');
    }
    expect(logger.text).toContain('answered 503: internal_failure; Error at ');
    expect(hits).toBe(0);
  });

  test("AuthGuard('dpop') in the place of DpopGuard lets nobody through (D8)", async () => {
    const dpop = DpopModule.forRoot(options());
    const app = await startApp(platform, createRootModule({ dpop, controllers: [PlainPassportController] }));
    hits = 0;
    expect(await call(app, client, { token })).toMatchObject(UNAVAILABLE);
    expect(await call(app, client)).toMatchObject(UNAVAILABLE);
    expect(hits).toBe(0);
  });
});
