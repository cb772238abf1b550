import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer, Reflector } from '@nestjs/core';
import { BASE_URL, errorOf, MessageScene, OrdersGuard } from '../../test/support/message-scene.js';
import { ORIGIN } from '../../test/support/origin.js';
import { type DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopStrategy } from '../guard/dpop.strategy.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { DpopMessageGuard } from './dpop-message.guard.js';

let scene: MessageScene;

beforeAll(async () => {
  scene = await MessageScene.create();
});

beforeEach(() => scene.begin());

afterEach(() => scene.end());

describe('the base URL of a guard (D9)', () => {
  @Injectable()
  class InsecureGuard extends OrdersGuard {
    protected override readonly baseUrl = 'http://messages.example.com';
  }
  @Injectable()
  class OriginGuard extends OrdersGuard {
    protected override readonly baseUrl = `${ORIGIN}/messages`;
  }

  test('that clients cannot sign, or that HTTP routes may have, ends the start', async () => {
    await expect(scene.createApp({ guard: InsecureGuard })).rejects.toThrow(
      /^InsecureGuard\.baseUrl must be an https/,
    );
    await expect(scene.createApp({ guard: OriginGuard, isHttp: true })).rejects.toThrow(
      /^OriginGuard\.baseUrl must be/,
    );
    const undecided = scene.createApp({ dpop: { origin: 'request' }, isHttp: true });
    await expect(undecided).rejects.toThrow(/^OrdersGuard\.baseUrl must be told apart/);
    await expect(scene.createApp({ guard: OriginGuard })).resolves.toBeDefined();
    await expect(
      scene.createApp({ guard: InsecureGuard, dpop: { allowInsecureHttp: true } }),
    ).resolves.toBeDefined();
  });

  test('is checked at the first message where Nest calls no hook of the start, and the log has the sentence', async () => {
    const { guard } = await scene.createApp({ guard: OriginGuard, isHttp: true, isStarted: false });
    const error = await errorOf(guard.canActivate(await scene.messageWith()));
    expect(error).toMatchObject({ code: 'temporarily_unavailable' });
    expect(scene.log.text).toContain(
      'internal_failure; OriginGuard.baseUrl must be a URL that no HTTP route',
    );
  });

  test('is unknown to a guard that the app creates by itself', async () => {
    const { app } = await scene.createApp();
    const guard = new OrdersGuard(
      app.get(DpopVerifier),
      app.get<DpopConfig>(DPOP_CONFIG),
      app.get(Reflector),
      app.get(HttpAdapterHost),
      app.get(DpopStrategy),
      app.get(ModulesContainer),
      app.get(DpopSessions),
    );
    expect(() => guard.onModuleInit()).toThrow(
      new TypeError('OrdersGuard must be created by Nest, which gives it the configuration'),
    );
    const error = await errorOf(guard.canActivate(await scene.messageWith()));
    expect(error).toMatchObject({ code: 'temporarily_unavailable' });
    expect(scene.log.text).toContain('internal_failure; OrdersGuard must be created by Nest');
  });

  test('is read once', async () => {
    let count = 0;
    @Injectable()
    class CountingGuard extends DpopMessageGuard {
      protected get baseUrl(): string {
        count += 1;
        return BASE_URL;
      }
    }
    const { guard } = await scene.createApp({ guard: CountingGuard });
    await guard.canActivate(await scene.messageWith());
    expect(count).toBe(1);
  });

  test('that cannot be read is a failure of the service, without its text in the log', async () => {
    @Injectable()
    class BrokenGuard extends DpopMessageGuard {
      protected get baseUrl(): string {
        throw new Error('secret');
      }
    }
    const { guard } = await scene.createApp({ guard: BrokenGuard, isHttp: true, isStarted: false });
    const error = await errorOf(guard.canActivate(await scene.messageWith()));
    expect(error).toMatchObject({ code: 'temporarily_unavailable' });
    expect(scene.log.text).toContain('internal_failure');
    expect(scene.log.text).not.toContain('secret');
  });
});
