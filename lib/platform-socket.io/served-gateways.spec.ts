import { IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { askUpgrade } from '../../test/support/io-clients.js';
import { ORIGIN } from '../../test/support/origin.js';
import { closeApps, type RunningApp, startApp } from '../../test/support/running-app.js';
import { SkipDpop } from '../guard/policy.decorators.js';
import { DpopModule } from '../module/dpop.module.js';
import { TestIssuer } from '../testing/index.js';
import { DpopIoAdapter } from './dpop-io.adapter.js';
import type { IoServer, IoServerOptions } from './io-types.js';

let issuer: TestIssuer;
const apps: INestApplicationContext[] = [];
const servers: IoServer[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create();
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  for (const app of apps.splice(0)) await app.close();
  await closeApps();
});

@WebSocketGateway()
class RootGateway {}

@SkipDpop()
@WebSocketGateway({ namespace: 'open' })
class OpenGateway {}

@WebSocketGateway({ path: '/' })
class AnyPathGateway {}

@SkipDpop()
@WebSocketGateway({ path: '/own' })
class OwnPathGateway {}

@SkipDpop()
@WebSocketGateway(8081)
class OtherPortGateway {}

function moduleOf(gateways: readonly Type[]): Type {
  const dpop = DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken });
  @Module({ imports: [dpop], providers: [...gateways] })
  class AppModule {}
  return AppModule;
}

/** Keeps the servers that it creates, which Nest does not know. */
class KeepingAdapter extends DpopIoAdapter {
  override createIOServer(...args: Parameters<DpopIoAdapter['createIOServer']>): IoServer {
    const server = super.createIOServer(...args);
    servers.push(server);
    return server;
  }
}

const start = (gateways: readonly Type[], Adapter = DpopIoAdapter): Promise<RunningApp> =>
  startApp('express', moduleOf(gateways), { before: (nest) => nest.useWebSocketAdapter(new Adapter(nest)) });

/** Nest types options of socket.io as if all were set. */
const optionsWith = (options: Partial<IoServerOptions>) => options as IoServerOptions;

const upgradeTo = (path: string) => `${path}?EIO=4&transport=websocket`;

describe('the gateways of a server (J1)', () => {
  async function serverOf(
    gateways: readonly Type[],
    create: (adapter: DpopIoAdapter) => void,
  ): Promise<{ readonly port: number }> {
    // Nest itself asks for no server before `init`.
    const app = await NestFactory.create(moduleOf(gateways), { logger: false, abortOnError: false });
    apps.push(app);
    create(new KeepingAdapter(app));
    const http = app.getHttpServer() as Server;
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return { port: (http.address() as AddressInfo).port };
  }

  /** The status of an upgrade without credentials. */
  const statusOf = async (
    gateways: readonly Type[],
    path: string,
    create: (adapter: DpopIoAdapter) => void,
  ): Promise<number> => {
    const { port } = await serverOf(gateways, create);
    return (await askUpgrade(port, {}, upgradeTo(path))).status;
  };

  test.each([
    ['/own/', '/own'],
    ['/own/', '/own/'],
    ['/socket.io/', '/socket.io'],
    ['/socket.io/', '/socket.io/'],
    ['/socket.io/', ''],
  ])('at %s are those of the path %j', async (target, path) => {
    const gateways = [OwnPathGateway, OpenGateway];
    const options = optionsWith({ path });
    expect(await statusOf(gateways, target, (adapter) => adapter.create(0, options))).toBe(101);
    expect(await statusOf(gateways, target, (adapter) => adapter.createIOServer(0, options))).toBe(101);
  });

  test('are those of the path of socket.io without options, and of its port', async () => {
    const target = '/socket.io/';
    expect(await statusOf([OpenGateway], target, (adapter) => adapter.create(0))).toBe(101);
    expect(await statusOf([OpenGateway], target, (adapter) => adapter.createIOServer(0))).toBe(101);
    // The policy of the service stands where there is none.
    const others = [OwnPathGateway, OtherPortGateway];
    expect(await statusOf(others, target, (adapter) => adapter.create(0))).toBe(401);
    expect(await statusOf(others, target, (adapter) => adapter.createIOServer(0))).toBe(401);
  });

  test('are found anew for each server that an adapter creates', async () => {
    const status = await statusOf([OwnPathGateway], '/other/', (adapter) => {
      // Neither waits for the other to answer.
      adapter.create(0, optionsWith({ path: '/own', destroyUpgrade: false }));
      adapter.createIOServer(0, optionsWith({ path: '/other', destroyUpgrade: false }));
    });
    expect(status).toBe(401);
  });

  test('are those that Nest asked for, in a subclass that serves another path', async () => {
    class MovingAdapter extends DpopIoAdapter {
      override createIOServer(port: number, options?: IoServerOptions): IoServer {
        return super.createIOServer(port, optionsWith({ ...options, path: '/moved' }));
      }
    }
    const app = await start([OwnPathGateway], MovingAdapter);
    expect(await askUpgrade(app.port, {}, upgradeTo('/moved/'))).toMatchObject({ status: 101 });
  });

  test('withstand a target that cannot be parsed (D5)', async () => {
    const app = await start([AnyPathGateway]);
    let written = '';
    const socket = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        written += chunk.toString();
        done();
      },
    });
    const request = Object.assign(new IncomingMessage(socket as Socket), { method: 'GET', url: '//[' });
    const ended = new Promise((resolve) => socket.once('close', resolve));
    const http = app.nest.getHttpServer() as Server;
    expect(() => http.emit('upgrade', request, socket, Buffer.alloc(0))).not.toThrow();
    await ended;
    expect(written).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('need a port where there is no HTTP server (D9)', async () => {
    const app = await NestFactory.createApplicationContext(moduleOf([RootGateway]), { logger: false });
    apps.push(app);
    expect(() => new DpopIoAdapter(app).create(0)).toThrow(
      new TypeError(
        'port of a gateway must be set in an app without an HTTP server, as in @WebSocketGateway(3001)',
      ),
    );
  });
});
