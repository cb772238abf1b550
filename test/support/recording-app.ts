import type { AddressInfo } from 'node:net';
import {
  All,
  Controller,
  Get,
  type INestApplication,
  Module,
  type ModuleMetadata,
  Req,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopVerdict,
  RequireAuthentication,
  RequireScopes,
} from '../../lib/index.js';

export type Platform = 'express' | 'fastify';

/** Behaviour that exists on both platforms is shown on both: `describe.each(PLATFORMS)('%s', …)`. */
export const PLATFORMS: readonly Platform[] = ['express', 'fastify'];

export interface AppOptions extends Pick<ModuleMetadata, 'providers'> {
  /** Modules beside `DpopModule.forRoot(dpop)`. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  /** Options of `DpopModule.forRoot`; left out, the test imports the module in its own way. */
  readonly dpop?: DpopModuleOptions;
  /** Default: the recording controller. */
  readonly controllers?: readonly Type[];
  /** Whether the recording controller leaves methods other than GET alone: CORS on Fastify brings its own OPTIONS. */
  readonly onlyGet?: boolean;
  /** Whether the framework believes `X-Forwarded-*`, default no. */
  readonly trustProxy?: boolean;
  /** Called before the app listens. */
  readonly configure?: (app: INestApplication) => void;
}

/** One run of the recording handler. */
export interface RecordedCall {
  readonly route: string;
  readonly method: string;
  readonly url: string;
  readonly jkt: string | undefined;
  readonly scheme: string;
}

export interface StartedApp {
  readonly platform: Platform;
  readonly app: INestApplication;
  readonly port: number;
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  /** What the recording handlers saw, in order. */
  readonly calls: readonly RecordedCall[];
  close(): Promise<void>;
}

/** Starts an app on loopback, on a free port. By default every path and method of it is a guarded, recording route. */
export async function startApp(platform: Platform, options: AppOptions): Promise<StartedApp> {
  const calls: RecordedCall[] = [];
  const app = await createApp(platform, options, calls);
  options.configure?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  return { platform, app, port, url: `http://127.0.0.1:${port}`, calls, close: () => app.close() };
}

async function createApp(
  platform: Platform,
  options: AppOptions,
  calls: RecordedCall[],
): Promise<INestApplication> {
  const module = createModule(platform, options, calls);
  const quiet = { logger: false, abortOnError: false } as const;
  const { trustProxy = false } = options;
  if (platform === 'fastify') {
    const adapter = new FastifyAdapter({ trustProxy, forceCloseConnections: true });
    return await NestFactory.create<NestFastifyApplication>(module, adapter, quiet);
  }
  const app = await NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(), {
    ...quiet,
    forceCloseConnections: true,
  });
  app.set('trust proxy', trustProxy);
  return app;
}

function createModule(
  platform: Platform,
  { imports = [], dpop, controllers, onlyGet = false, providers = [] }: AppOptions,
  calls: RecordedCall[],
) {
  @Module({
    imports: [...imports, ...(dpop === undefined ? [] : [DpopModule.forRoot(dpop)])],
    controllers: [...(controllers ?? [createRecordingController(platform, calls, onlyGet ? Get : All)])],
    providers,
  })
  class TestAppModule {}
  return TestAppModule;
}

/**
 * A controller whose guarded handlers write down that they ran: `/scoped` needs the scope `accounts:write`, `/step-up`
 * a recent strong authentication, `/nonce` a nonce; everything else, on any path and by any method, nothing more.
 */
export function createRecordingController(
  platform: Platform,
  calls: RecordedCall[],
  Route: typeof All = All,
): Type {
  const wildcard = platform === 'fastify' ? '*' : '*path';

  function record(route: string, request: unknown, verdict: Pick<DpopVerdict, 'jkt' | 'scheme'>) {
    const { method, url } = request as { method: string; url: string };
    calls.push({ route, method, url, ...verdict });
    return { ran: route };
  }

  @UseGuards(DpopGuard)
  @Controller()
  class RecordingController {
    @RequireScopes('accounts:write')
    @All('scoped')
    scoped(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('scoped', request, { jkt, scheme });
    }

    @RequireAuthentication({ acrValues: ['phr', 'phrh'], maxAgeSeconds: 300 })
    @All('step-up')
    stepUp(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('step-up', request, { jkt, scheme });
    }

    @Dpop({ nonce: 'required' })
    @All('nonce')
    nonce(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('nonce', request, { jkt, scheme });
    }

    @Route(['/', wildcard])
    any(@Req() request: unknown, @DpopBound() jkt: string, @DpopBound('scheme') scheme: 'DPoP') {
      return record('any', request, { jkt, scheme });
    }
  }
  return RecordingController;
}
