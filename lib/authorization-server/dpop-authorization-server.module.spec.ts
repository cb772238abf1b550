import { hasSubscribers } from 'node:diagnostics_channel';
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type DynamicModule, type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LogCollector } from '../../test/support/log-collector.js';
import type { DpopAuthorizationServerOptions } from '../config/authorization-server-options.js';
import type { DpopError } from '../errors/dpop.error.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import type { DpopStorage } from '../storage/dpop.storage.js';
import { MemoryReplayStore } from '../storage/memory-replay.store.js';
import { TestClient } from '../testing/index.js';
import { DpopProofVerifier } from '../verification/dpop-proof.verifier.js';
import { DpopAuthorizationServerModule } from './dpop-authorization-server.module.js';
import { DpopBindings } from './dpop-bindings.js';

const ISSUER = 'https://auth.example.com';

let log: LogCollector;
let client: TestClient;

beforeAll(async () => {
  client = await TestClient.create();
});

beforeEach(() => {
  log = new LogCollector();
});

const register = (options: Partial<DpopAuthorizationServerOptions> = {}): DynamicModule =>
  DpopAuthorizationServerModule.forRoot({ issuer: ISSUER, ...options });

/** Starts an app without a server. The caller closes it. */
async function start(...imports: readonly (DynamicModule | Type)[]): Promise<INestApplicationContext> {
  @Module({ imports: [...imports] })
  class RootModule {}
  return await NestFactory.createApplicationContext(RootModule, { logger: log, abortOnError: false });
}

/** The lines of the module itself, not those of Nest. */
const lines = (): readonly string[] =>
  log.lines
    .filter((line) => line.endsWith(' DpopAuthorizationServerModule'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));

/** Shared by instances, and without anything that may be left out. */
const plainStorage = (more: Partial<DpopStorage> = {}): DpopStorage => ({
  shared: true,
  replayStore: new MemoryReplayStore(),
  ...more,
});

describe('the life of the module of an authorization server (G1)', () => {
  test('opens and closes its storage, and observes requests as long', async () => {
    const events: unknown[] = [];
    const app = await start(
      register({
        clock: () => 7,
        storage: plainStorage({
          open: (warn, clock) => {
            warn(`storage at ${clock()}`);
            events.push('opened');
          },
          close: () => void events.push('closed'),
        }),
      }),
    );
    expect(lines()).toEqual(['warn storage at 7']);
    expect(hasSubscribers('http.server.request.start')).toBe(true);
    await app.close();
    expect(hasSubscribers('http.server.request.start')).toBe(false);
    expect(events).toEqual(['opened', 'closed']);
  });

  test('needs a storage that opens and closes no more than an app that never starts', async () => {
    const app = await start(register({ storage: plainStorage() }));
    await app.close();
    expect(lines()).toStrictEqual([]);
    const unstarted = await NestFactory.create(register(), { logger: log, abortOnError: false });
    await unstarted.close();
    expect(lines()).toStrictEqual([]);
    // Nest logs what a hook throws.
    expect(log.text).not.toContain('error');
  });

  test('warns of a memory that is not shared, and of a log that shows what clients sent (F7, D9)', async () => {
    const app = await start(register({ logReceivedValues: true }));
    await app.close();
    expect(lines()).toEqual([
      'warn logReceivedValues is on: the log shows what clients sent with refused requests. Turn it off in production',
      'warn Replay records are kept in the memory of this process: a second instance of the server would accept each proof once more. ' +
        'For several instances, use RedisStorage of nestjs-dpop/redis; see "Replay and Redis" in the documentation',
    ]);
  });

  test('ends with the number of lines that were left out (D9)', async () => {
    const app = await start(register({ storage: plainStorage() }));
    const bindings = app.get(DpopBindings);
    for (let i = 0; i < 100; i += 1)
      expect(() => bindings.ofAuthorizationRequest({ dpopJkt: 'none' })).toThrow();
    expect(lines()).toStrictEqual([]);
    await app.close();
    expect(lines()).toMatchObject([
      expect.stringMatching(/^warn \d+ more of dpop_jkt_malformed .* were not logged one by one$/),
    ]);
  });
});

describe('the nonces of an authorization server (G3)', () => {
  const requestWith = async (nonce?: string) => {
    const options = { method: 'POST', url: `${ISSUER}/token`, ...(nonce !== undefined && { nonce }) };
    const rawHeaders = ['DPoP', await client.createProof(options)];
    return { method: 'POST', target: '/token', rawHeaders };
  };

  /** Whether a server with these options accepts the nonce of another one. */
  async function areShared(one: object, other: object): Promise<boolean> {
    const apps = [await start(register(one)), await start(register(other))] as const;
    const [issuing, accepting] = apps.map((app) => app.get(DpopProofVerifier)) as [
      DpopProofVerifier,
      DpopProofVerifier,
    ];
    const demand: unknown = await issuing
      .verify(await requestWith(), { nonce: 'required' })
      .catch((error: unknown) => error);
    const { nonce = '' } = (demand as DpopError).details;
    expect(await issuing.verify(await requestWith(nonce))).toMatchObject({ hasNonce: true });
    const verdict: unknown = await accepting.verify(await requestWith(nonce)).catch(() => undefined);
    for (const app of apps) await app.close();
    return verdict !== undefined;
  }

  test('have the secret of the option, or that of the storage, or one of their own', async () => {
    const nonce = { mode: 'off', secret: Buffer.alloc(32, 1) } as const;
    const nonceSecrets = new FixedNonceSecrets();
    const stored = () => plainStorage({ nonceSecrets });
    expect(await areShared({ nonce }, { nonce, storage: stored() })).toBe(true);
    expect(await areShared({ storage: stored() }, { storage: stored() })).toBe(true);
    expect(await areShared({ storage: stored() }, { nonce, storage: stored() })).toBe(false);
    expect(await areShared({}, { absentProof: 'accept' })).toBe(false);
  });
});

describe('the registration of an authorization server (I4)', () => {
  test('needs an object of options, or one way to get them', () => {
    expect(() => DpopAuthorizationServerModule.forRoot(undefined as never)).toThrow(
      new TypeError(
        'DpopAuthorizationServerModule.forRoot() must be given an object of options; it is undefined',
      ),
    );
    expect(() => DpopAuthorizationServerModule.forRootAsync({})).toThrow(
      new TypeError(
        'DpopAuthorizationServerModule.forRootAsync() must be given one of useFactory, useClass and useExisting; given: none',
      ),
    );
  });

  test('is one for equal options, and global unless it says otherwise (F1)', () => {
    expect(register()).toBe(register());
    expect(register()).toMatchObject({ global: true });
    expect(register({ isGlobal: false })).toMatchObject({ global: false });
  });

  test('takes the options of a class', async () => {
    class Factory {
      createDpopAuthorizationServerOptions(): DpopAuthorizationServerOptions {
        return { issuer: ISSUER, proof: { algorithms: ['EdDSA'] } };
      }
    }
    const app = await start(DpopAuthorizationServerModule.forRootAsync({ useClass: Factory }));
    expect(app.get(DpopBindings).serverMetadata).toEqual({ dpop_signing_alg_values_supported: ['EdDSA'] });
    await app.close();
  });

  test('is told how if the class is imported by itself', async () => {
    await expect(start(DpopAuthorizationServerModule)).rejects.toThrow(
      'DpopAuthorizationServerModule was imported without options (DPOP_AUTHORIZATION_SERVER_MODULE_OPTIONS): import DpopAuthorizationServerModule.forRoot({ issuer })',
    );
  });
});
