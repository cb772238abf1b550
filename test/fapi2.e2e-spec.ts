import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Injectable, type Type, UseGuards } from '@nestjs/common';
import {
  Dpop,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopPolicy,
  DpopVerifier,
  fapi2,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, send } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';
import { startFailureOf } from './support/start-failure.js';

const clock = new HandClock();
let client: TestClient;
let issuer: TestIssuer;
let runs: number;

beforeAll(async () => {
  client = await TestClient.create({ clock: clock.read });
  issuer = await TestIssuer.create({ clock: clock.read });
});

beforeEach(() => {
  runs = 0;
});

afterEach(closeApps);

const options = (changes: Partial<DpopModuleOptions> = {}): DpopModuleOptions => ({
  origin: ORIGIN,
  accessToken: issuer.accessToken,
  clock: clock.read,
  ...changes,
});

/** One route with these decorators on its handler and its class. */
function controllerWith(
  onHandler: readonly MethodDecorator[],
  onClass: readonly ClassDecorator[] = [],
  guard: Type = DpopGuard,
): Type {
  @UseGuards(guard)
  @Controller()
  class LedgerController {
    @Get()
    read(): string {
      runs += 1;
      return 'ledger';
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(LedgerController.prototype, 'read') ?? {};
  for (const decorator of onHandler) decorator(LedgerController.prototype, 'read', descriptor);
  for (const decorator of onClass) decorator(LedgerController);
  return LedgerController;
}

const moduleOf = (dpop: DpopModuleOptions, ...controllers: readonly Type[]) =>
  createRootModule({ dpop: DpopModule.forRoot(dpop), controllers });

const asBearer = async (app: { readonly url: string }) =>
  await send(app.url, { headers: { authorization: `Bearer ${await issuer.issueToken()}` } });

describe.each(PLATFORMS)("bearer: 'forbid', on %s (B5)", (platform) => {
  const allow = Dpop({ bearer: 'allow-unbound' });

  test('ends the start for a handler, a class or a base class that allows Bearer', async () => {
    class LedgerOfAnother extends controllerWith([], [allow]) {}
    Controller('other')(LedgerOfAnother);
    const guilty: readonly (readonly [Type, string])[] = [
      [controllerWith([allow]), 'LedgerController.read'],
      [controllerWith([], [allow]), 'LedgerController'],
      [controllerWith([Dpop({ bearer: 'reject' })], [allow]), 'LedgerController'],
      [LedgerOfAnother, 'LedgerController'],
    ];
    for (const [controller, name] of guilty) {
      await startApp(platform, moduleOf(options(), controller));
      for (const dpop of [options({ bearer: 'forbid' }), fapi2(options())]) {
        expect(await startFailureOf(platform, moduleOf(dpop, controller))).toBe(
          `@Dpop({ bearer: 'allow-unbound' }) must not stand in an app with the option bearer: 'forbid', which fapi2 sets: ${name}. ` +
            "Remove it there, or set bearer: 'reject', with which routes may allow Bearer",
        );
      }
    }
  });

  test('starts with routes that say nothing, that refuse Bearer, or that are open', async () => {
    for (const controller of [
      controllerWith([]),
      controllerWith([Dpop({ bearer: 'reject', nonce: 'off' })]),
      controllerWith([SkipDpop()]),
    ]) {
      await startApp(platform, moduleOf(fapi2(options()), controller));
    }
  });

  test('refuses Bearer whatever the guard of the app says of its routes, and offers none', async () => {
    @Injectable()
    class LenientGuard extends DpopGuard {
      protected override getPolicy(): DpopPolicy {
        return { nonce: 'off', bearer: 'allow-unbound' };
      }
    }
    const controller = controllerWith([], [], LenientGuard);
    const open = await startApp(platform, moduleOf(options(), controller));
    expect((await asBearer(open)).status).toBe(200);
    runs = 0;
    const closed = await startApp(platform, moduleOf(options({ bearer: 'forbid' }), controller));
    const answer = await asBearer(closed);
    expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(answer.challenge).toMatch(/^DPoP /);
    expect(answer.challenge).not.toContain('Bearer realm');
    expect(answer.challenge).not.toMatch(/(^|, )Bearer/);
    expect(runs).toBe(0);
    const token = await issuer.issueToken({ client });
    expect(await call(closed, client, { token })).toMatchObject({ status: 200 });
  });

  test('refuses Bearer to a caller of DpopVerifier', async () => {
    const rawHeaders = ['Authorization', `Bearer ${await issuer.issueToken()}`];
    const request = { method: 'GET', target: '/', rawHeaders };
    const verify = async (dpop: DpopModuleOptions) => {
      const { nest } = await startApp(platform, moduleOf(dpop, controllerWith([])));
      return await nest.get(DpopVerifier).verify(request, { bearer: 'allow-unbound' });
    };
    expect(await verify(options())).toMatchObject({ scheme: 'Bearer' });
    await expect(verify(options({ bearer: 'forbid' }))).rejects.toMatchObject({
      reason: 'bearer_not_accepted',
    });
  });
});

describe.each(PLATFORMS)("tickets: 'forbid', on %s (J2)", (platform) => {
  test('ends the start for a handler or a class that allows tickets', async () => {
    const allow = Dpop({ ticket: 'allow' });
    for (const [controller, name] of [
      [controllerWith([allow]), 'LedgerController.read'],
      [controllerWith([Dpop({ ticket: 'reject' })], [allow]), 'LedgerController'],
    ] as const) {
      await startApp(platform, moduleOf(options(), controller));
      for (const dpop of [options({ tickets: 'forbid' }), fapi2(options())]) {
        expect(await startFailureOf(platform, moduleOf(dpop, controller))).toBe(
          `@Dpop({ ticket: 'allow' }) must not stand in an app with the option tickets: 'forbid', which fapi2 sets: ${name}. ` +
            'Remove it there, or leave the option out',
        );
      }
    }
    await startApp(platform, moduleOf(fapi2(options()), controllerWith([Dpop({ ticket: 'reject' })])));
  });

  test('reads no ticket, whatever the guard of the app says of its routes', async () => {
    @Injectable()
    class LenientGuard extends DpopGuard {
      protected override getPolicy(): DpopPolicy {
        return { nonce: 'off', bearer: 'reject', ticket: 'allow' };
      }
    }
    const controller = controllerWith([], [], LenientGuard);
    const codeOf = async ({ url }: { readonly url: string }): Promise<unknown> => {
      const body: unknown = await (await fetch(`${url}?ticket=x`)).json();
      return (body as { readonly code?: unknown }).code;
    };
    expect(await codeOf(await startApp(platform, moduleOf(options(), controller)))).toBe('invalid_ticket');
    const dpop = options({ tickets: 'forbid' });
    expect(await codeOf(await startApp(platform, moduleOf(dpop, controller)))).toBe('credentials_missing');
  });
});
