import type { Server } from 'node:http';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { DpopModule, type DpopModuleOptions, type DpopStorage } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { AnsweringStore } from './support/answering-store.js';
import { call } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { OpaqueTokens } from './support/opaque-tokens.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Knows whether it is open, and cannot be used when it is not. */
class DoorStorage implements DpopStorage {
  readonly shared = true;
  readonly events: string[] = [];
  readonly replayStore = new AnsweringStore(() => {
    if (this.events.at(-1) !== 'open') throw new Error('the storage is closed');
    return 'first';
  });

  async open(): Promise<void> {
    await Promise.resolve();
    this.events.push('open');
  }

  async close(): Promise<void> {
    await Promise.resolve();
    this.events.push('close');
  }
}

describe.each(PLATFORMS)('the life of the storage on %s', (platform) => {
  test('opens once at start, closes once at shutdown', async () => {
    const storage = new DoorStorage();
    const app = await startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot(options({ storage })) }),
    );
    expect(storage.events).toEqual(['open']);
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    await closeApps();
    expect(storage.events).toEqual(['open', 'close']);
  });

  test('one that does not open keeps the app from starting', async () => {
    const storage: DpopStorage = {
      shared: true,
      replayStore: new AnsweringStore(() => 'first'),
      open: () => Promise.reject(new Error('no storage')),
    };
    const module = createRootModule({ dpop: DpopModule.forRoot(options({ storage })) });
    await expect(startApp(platform, module)).rejects.toThrow('no storage');
  });

  test('a request in flight at shutdown gets its answer before the storage closes (D8)', async () => {
    const storage = new DoorStorage();
    const [arrived, mayGoOn, modulesDestroyed] = [deferred(), deferred(), deferred()];

    @Injectable()
    class Witness implements BeforeApplicationShutdown {
      // Called after every onModuleDestroy, and before the server is closed.
      beforeApplicationShutdown(): void {
        modulesDestroyed.resolve();
      }
    }

    const accessToken = new OpaqueTokens(async () => {
      arrived.resolve();
      await mayGoOn.promise;
      return { cnf: { jkt: client.jkt } };
    });
    const dpop = DpopModule.forRoot(options({ storage, accessToken }));
    const app = await startApp(platform, createRootModule({ dpop, providers: [Witness] }));

    const answer = call(app, client, { token: 'slow' });
    await arrived.promise;
    const closed = app.nest.close();
    await modulesDestroyed.promise;
    expect(storage.events).toEqual(['open']);
    mayGoOn.resolve();
    expect(await answer).toMatchObject({ status: 200, body: { jkt: client.jkt } });
    // The connection that fetch keeps alive would hold Express back for seconds.
    (app.nest.getHttpServer() as Server).closeIdleConnections();
    await closed;
    expect(storage.events).toEqual(['open', 'close']);
  });

  test('the memory of one process is spoken of at start, a shared one is not (F7)', async () => {
    const logger = new LogCollector();
    await startApp(platform, createRootModule({ dpop: DpopModule.forRoot(options()) }), { logger });
    expect(logger.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    expect(logger.text).toContain('in the memory of this process');
    const silent = new LogCollector();
    const dpop = DpopModule.forRoot(options({ storage: new DoorStorage() }));
    await startApp(platform, createRootModule({ dpop }), { logger: silent });
    expect(silent.lines.filter((line) => line.startsWith('warn'))).toStrictEqual([]);
  });
});
