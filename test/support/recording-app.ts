import { All, Get, type INestApplication, Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { DpopModule, type DpopModuleOptions } from 'nestjs-dpop';
import { adapterOf, type Platform } from './platforms.js';
import { createRecordingController, type RecordedCall } from './recording.controller.js';
import { type RunningApp, startApp } from './running-app.js';

export interface RecordingAppOptions extends Pick<ModuleMetadata, 'providers'> {
  /** Modules beside `DpopModule.forRoot(dpop)`. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  /** Options of `DpopModule.forRoot`; left out, the test imports the module in its own way. */
  readonly dpop?: DpopModuleOptions;
  /** Default: the recording controller. */
  readonly controllers?: readonly Type[];
  /** Whether the recording controller leaves methods other than GET alone: CORS on Fastify brings its own OPTIONS. */
  readonly onlyGet?: boolean;
  /** Whether the framework trusts `X-Forwarded-*`, default no. */
  readonly trustProxy?: boolean;
  /** Called before the app listens. */
  readonly before?: (nest: INestApplication) => void;
}

export interface RecordingApp extends RunningApp {
  readonly platform: Platform;
  /** The runs of the recording handlers, in order. */
  readonly calls: readonly RecordedCall[];
}

/** Starts an app of which by default every path and method is a guarded, recording route. */
export async function startRecordingApp(
  platform: Platform,
  options: RecordingAppOptions,
): Promise<RecordingApp> {
  const { trustProxy = false, before } = options;
  const calls: RecordedCall[] = [];
  const app = await startApp(platform, createModule(platform, options, calls), {
    adapter: adapterOf(platform, { trustProxy, forceCloseConnections: true }),
    forceCloseConnections: true,
    ...(before && { before }),
  });
  return { ...app, platform, calls };
}

function createModule(
  platform: Platform,
  { imports = [], dpop, controllers, onlyGet = false, providers = [] }: RecordingAppOptions,
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
