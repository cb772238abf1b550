import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, type DynamicModule, Get, Module, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  Dpop,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call } from './support/call.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let hits = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
});

afterEach(closeApps);

@Module({})
class RootModule {}

function root(controllers: readonly Type[], options: Partial<DpopModuleOptions> = {}): DynamicModule {
  return {
    module: RootModule,
    imports: [DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, ...options }))],
    controllers: [...controllers],
    providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
  };
}

/** A guard of the app, which has nothing to do with ours. */
class YesGuard {
  canActivate(): boolean {
    return true;
  }
}

class AuditedGuard extends DpopGuard {}

function decorate(type: Type, ...decorators: readonly ClassDecorator[]): Type {
  for (const decorator of decorators) decorator(type);
  return type;
}

/** A handler on a class of its own, which others extend. */
function baseWith(...decorators: readonly ClassDecorator[]): Type {
  class Base {
    @Get()
    read(): string {
      hits += 1;
      return 'read';
    }
  }
  return decorate(Base, ...decorators);
}

function subOf(base: Type, ...decorators: readonly ClassDecorator[]): Type {
  return decorate(class Sub extends base {}, ...decorators);
}

/** What a controller made of these classes does with a request, without credentials and with good ones. */
async function outcomeOf(
  app: RunningApp,
  scopes: readonly string[] = ['read'],
  extra: Readonly<Record<string, unknown>> = {},
): Promise<readonly unknown[]> {
  hits = 0;
  const bare = await call(app, client);
  const before = hits;
  const token = await issuer.issueToken({ client, scopes, claims: { ...RIGHTS, ...extra } });
  const good = await call(app, client, { token });
  return [bare.status, before, good.status, hits - before];
}

const RIGHTS = {
  roles: ['admin'],
  permissions: ['read:all'],
  authorization_details: [{ type: 'payment' }],
};
const CLOSED = [401, 0, 200, 1];
const OPEN = [200, 1, 200, 1];

const read = RequireScopes('read');
const DEMANDS: readonly (readonly [string, ClassDecorator])[] = [
  ['@RequireScopes', read],
  ['@RequireAnyScope', RequireAnyScope('read', 'write')],
  ['@RequireRoles', RequireRoles('admin')],
  ['@RequireAnyRole', RequireAnyRole('admin', 'auditor')],
  ['@RequirePermissions', RequirePermissions('read:all')],
  ['@RequireAuthorizationDetails', RequireAuthorizationDetails('payment')],
  ['@RequireAuthentication', RequireAuthentication({ acrValues: ['phr'] })],
  ['@Require', Require(({ scopes }) => scopes.includes('read'))],
  ['@Dpop with a policy', Dpop({ nonce: 'off' })],
  ['a bare @Dpop', Dpop()],
  ['@UseGuards(DpopGuard)', UseGuards(DpopGuard)],
  ['@UseGuards of a guard that extends DpopGuard', UseGuards(AuditedGuard)],
  ['@UseGuards of several', UseGuards(YesGuard, DpopGuard)],
];

describe.each(PLATFORMS)('the nearest statement wins, on %s', (platform) => {
  const start = (controller: Type) => startApp(platform, root([decorate(controller, Controller())]));

  test('a class without a statement is as its base class is', async () => {
    expect(await outcomeOf(await start(subOf(baseWith())))).toEqual(CLOSED);
    expect(await outcomeOf(await start(subOf(baseWith(SkipDpop()))))).toEqual(OPEN);
  });

  test.each(DEMANDS)('%s on a class takes back the opening of its base class', async (_name, demand) => {
    const app = await start(subOf(baseWith(SkipDpop()), demand));
    expect(await outcomeOf(app, ['read'], { acr: 'phr' })).toEqual(CLOSED);
  });

  test.each(DEMANDS)(
    '%s between two classes takes back what is opened further away',
    async (_name, demand) => {
      const app = await start(subOf(subOf(baseWith(SkipDpop()), demand), UseGuards(YesGuard)));
      expect(await outcomeOf(app, ['read'], { acr: 'phr' })).toEqual(CLOSED);
    },
  );

  test.each(DEMANDS)('@SkipDpop on a class opens what %s closes further away', async (_name, demand) => {
    expect(await outcomeOf(await start(subOf(baseWith(demand), SkipDpop())))).toEqual(OPEN);
    const guarded = subOf(baseWith(demand), SkipDpop(), UseGuards(YesGuard));
    expect(await outcomeOf(await start(guarded))).toEqual(OPEN);
  });

  test.each(DEMANDS)('%s on a handler takes back the opening of its class', async (_name, demand) => {
    class Sub {
      @(demand as MethodDecorator)
      @Get()
      read(): string {
        hits += 1;
        return 'read';
      }
    }
    const app = await start(decorate(Sub, SkipDpop()));
    expect(await outcomeOf(app, ['read'], { acr: 'phr' })).toEqual(CLOSED);
  });

  test.each(DEMANDS)('on one handler %s beats @SkipDpop', async (_name, demand) => {
    class Both {
      @(demand as MethodDecorator)
      @SkipDpop()
      @Get()
      read(): string {
        hits += 1;
        return 'read';
      }
    }
    expect(await outcomeOf(await start(Both), ['read'], { acr: 'phr' })).toEqual(CLOSED);
  });

  test('@SkipDpop on an inherited handler is nearer than any class', async () => {
    class Base {
      @SkipDpop()
      @Get()
      read(): string {
        hits += 1;
        return 'read';
      }
    }
    expect(await outcomeOf(await start(subOf(Base, read)))).toEqual(OPEN);
  });

  test('controllers that a function makes, and mixins, have levels like any other', async () => {
    const crud = (...decorators: readonly ClassDecorator[]): Type => baseWith(...decorators);
    const audited = (base: Type): Type => decorate(class Audited extends base {}, read);
    expect(await outcomeOf(await start(subOf(crud(SkipDpop()), UseGuards(DpopGuard))))).toEqual(CLOSED);
    expect(await outcomeOf(await start(subOf(audited(crud(SkipDpop())))))).toEqual(CLOSED);
    expect(await outcomeOf(await start(subOf(audited(crud()), SkipDpop())))).toEqual(OPEN);
  });

  test('one handler that two classes inherit has the policy of each', async () => {
    const base = baseWith(SkipDpop());
    const open = decorate(subOf(base), Controller('open'));
    const closed = decorate(subOf(base, read), Controller('closed'));
    const app = await startApp(platform, root([open, closed]));
    expect(await call(app, client, { path: '/open' })).toMatchObject({ status: 200 });
    expect(await call(app, client, { path: '/closed' })).toMatchObject({ status: 401 });
    expect(await call(app, client, { path: '/open' })).toMatchObject({ status: 200 });
  });

  test('the scopes of the nearest class apply', async () => {
    const app = await start(subOf(baseWith(RequireScopes('far')), RequireScopes('near')));
    expect(await outcomeOf(app, ['near'])).toEqual(CLOSED);
    expect(await outcomeOf(app, ['far'])).toEqual([401, 0, 403, 0]);
    const inherited = await start(subOf(subOf(baseWith(RequireScopes('far'))), Dpop()));
    expect(await outcomeOf(inherited, ['near'])).toEqual([401, 0, 403, 0]);
  });

  test('the authentication that the nearest class requires applies', async () => {
    const weak = RequireAuthentication({ acrValues: ['weak'] });
    const strong = RequireAuthentication({ acrValues: ['strong'] });
    const app = await start(subOf(baseWith(weak), strong));
    expect(await outcomeOf(app, [], { acr: 'strong' })).toEqual(CLOSED);
    expect(await outcomeOf(app, [], { acr: 'weak' })).toEqual([401, 0, 401, 0]);
  });

  test('policies of @Dpop lie over each other, the nearest on top', async () => {
    const base = baseWith(Dpop({ nonce: 'required', bearer: 'allow-unbound' }));
    const app = await start(subOf(base, Dpop({ bearer: 'reject' })));
    const bare = await call(app, client);
    expect(bare.challenge).toMatch(/^DPoP /);
    const token = await issuer.issueToken({ client });
    expect(await call(app, client, { token })).toMatchObject({ status: 401, code: 'use_dpop_nonce' });

    const relaxed = await start(subOf(base, Dpop({ nonce: 'off' })));
    expect((await call(relaxed, client)).challenge).toMatch(/^Bearer, DPoP /);
    expect(await call(relaxed, client, { token })).toMatchObject({ status: 200 });
  });
});

describe.each(PLATFORMS)('a handler that overrides another, on %s', (platform) => {
  const start = (controller: Type) => startApp(platform, root([decorate(controller, Controller())]));

  /** An override that says nothing, of a handler with these decorators. */
  function overriding(onHandler: MethodDecorator, ...onBase: readonly ClassDecorator[]): Type {
    class Base {
      @onHandler
      @Get()
      read(): string {
        return 'overridden';
      }
    }
    decorate(Base, ...onBase);
    class Sub extends Base {
      @Get()
      override read(): string {
        hits += 1;
        return 'read';
      }
    }
    return Sub;
  }

  test('keeps the scopes that the overridden one demands', async () => {
    const app = await start(overriding(RequireScopes('write')));
    expect(await outcomeOf(app, ['write'])).toEqual(CLOSED);
    expect(await outcomeOf(app, ['read'])).toEqual([401, 0, 403, 0]);
  });

  test('keeps the authentication and the nonce that the overridden one demands', async () => {
    const strong = await start(overriding(RequireAuthentication({ acrValues: ['strong'] })));
    expect(await outcomeOf(strong, [], { acr: 'weak' })).toEqual([401, 0, 401, 0]);
    const withNonce = await start(overriding(Dpop({ nonce: 'required' })));
    const token = await issuer.issueToken({ client });
    expect(await call(withNonce, client, { token })).toMatchObject({ code: 'use_dpop_nonce' });
  });

  test('does not inherit an opening, nor what loosens the policy of the service', async () => {
    expect(await outcomeOf(await start(overriding(SkipDpop())))).toEqual(CLOSED);
    const loose = overriding(Dpop({ bearer: 'allow-unbound', nonce: 'off' }));
    const app = await startApp(platform, root([decorate(loose, Controller())], { nonce: 'required' }));
    expect((await call(app, client)).challenge).toMatch(/^DPoP /);
    const token = await issuer.issueToken({ client });
    expect(await call(app, client, { token })).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
  });

  test.each(DEMANDS)('is closed where the overridden one has %s in an open class', async (_name, demand) => {
    const app = await start(overriding(demand as MethodDecorator, SkipDpop()));
    expect(await outcomeOf(app, ['read'], { acr: 'phr' })).toEqual(CLOSED);
  });

  test('its own class comes before the overridden handler', async () => {
    const app = await start(decorate(overriding(RequireScopes('far')), RequireScopes('near')));
    expect(await outcomeOf(app, ['near'])).toEqual(CLOSED);
    const opened = await start(decorate(overriding(RequireScopes('far')), SkipDpop()));
    expect(await outcomeOf(opened)).toEqual(OPEN);
  });

  test('what it says itself comes before the overridden handler', async () => {
    class Sub extends overriding(RequireScopes('far')) {
      @SkipDpop()
      @Get()
      read(): string {
        hits += 1;
        return 'read';
      }
    }
    expect(await outcomeOf(await start(Sub))).toEqual(OPEN);
  });
});
