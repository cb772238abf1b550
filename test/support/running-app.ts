import type { AddressInfo } from 'node:net';
import type { DynamicModule, INestApplication, LoggerService, Type } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { adapterOf, type Platform } from './platforms.js';

export interface RunningApp {
  readonly nest: INestApplication;
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

export interface StartOptions {
  readonly logger?: LoggerService;
  readonly adapter?: AbstractHttpAdapter;
  /** Whether an app on Express ends open connections when it closes. */
  readonly forceCloseConnections?: boolean;
  /** Called before the app listens. */
  readonly before?: (nest: INestApplication) => void;
}

const running = new Set<INestApplication>();

/** Starts an app on a free port of loopback. Close it, or call `closeApps` afterwards. */
export async function startApp(
  platform: Platform,
  module: Type | DynamicModule,
  { logger, adapter = adapterOf(platform), forceCloseConnections = false, before }: StartOptions = {},
): Promise<RunningApp> {
  const nest = await NestFactory.create(module, adapter, {
    logger: logger ?? false,
    abortOnError: false,
    forceCloseConnections,
  });
  running.add(nest);
  before?.(nest);
  await nest.listen(0, '127.0.0.1');
  const { port } = (nest.getHttpServer() as { address(): AddressInfo }).address();
  return { nest, port, url: await nest.getUrl(), close: () => close(nest) };
}

export async function closeApps(): Promise<void> {
  await Promise.all([...running].map(close));
}

async function close(nest: INestApplication): Promise<void> {
  running.delete(nest);
  await nest.close();
}
