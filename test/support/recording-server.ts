import { All, Controller, Module, Req, type Type, UseGuards } from '@nestjs/common';
import {
  DpopAuthorizationServerModule,
  type DpopAuthorizationServerOptions,
  DpopBound,
  type DpopModuleOptions,
  DpopProof,
  DpopProofGuard,
} from 'nestjs-dpop';
import { adapterOf, type Platform } from './platforms.js';
import type { RecordingApp, RecordingAppOptions } from './recording-app.js';
import type { RecordedCall } from './recording.controller.js';
import { startApp } from './running-app.js';

export const ISSUER = 'https://api.example.com';

/** The options that a resource server and an authorization server have in common. */
export function toServerOptions({
  origin,
  allowInsecureHttp,
  proof,
  nonce,
  storage,
  clock,
}: DpopModuleOptions): DpopAuthorizationServerOptions {
  return {
    issuer: ISSUER,
    origin,
    ...(allowInsecureHttp !== undefined && { allowInsecureHttp }),
    ...(proof && { proof }),
    ...(nonce !== undefined && { nonce }),
    ...(storage && { storage }),
    ...(clock && { clock }),
  };
}

/** Starts an authorization server of which every path and method is a guarded, recording endpoint. */
export async function startRecordingServer(
  platform: Platform,
  {
    dpop,
    app: { trustProxy = false } = {},
  }: { dpop: DpopModuleOptions; app?: Omit<RecordingAppOptions, 'dpop'> },
): Promise<RecordingApp> {
  const calls: RecordedCall[] = [];

  @Module({
    imports: [DpopAuthorizationServerModule.forRoot(toServerOptions(dpop))],
    controllers: [createEndpoints(platform, calls)],
  })
  class ServerModule {}

  const app = await startApp(platform, ServerModule, {
    adapter: adapterOf(platform, { trustProxy, forceCloseConnections: true }),
    forceCloseConnections: true,
  });
  return { ...app, platform, calls };
}

/** `/nonce` needs a nonce, `/optional` no proof; everything else, on any path and by any method, is like a token endpoint. */
function createEndpoints(platform: Platform, calls: RecordedCall[]): Type {
  function record(route: string, request: unknown, jkt: string | undefined) {
    const { method, url } = request as { method: string; url: string };
    calls.push({ route, method, url, scheme: 'DPoP', jkt });
    return { ran: route };
  }

  @UseGuards(DpopProofGuard)
  @Controller()
  class EndpointsController {
    @DpopProof({ nonce: 'required' })
    @All('nonce')
    nonce(@Req() request: unknown, @DpopBound() jkt: string | undefined) {
      return record('nonce', request, jkt);
    }

    @DpopProof({ absentProof: 'accept' })
    @All('optional')
    optional(@Req() request: unknown, @DpopBound() jkt: string | undefined) {
      return record('optional', request, jkt);
    }

    @All(['/', platform === 'fastify' ? '*' : '*path'])
    any(@Req() request: unknown, @DpopBound('jkt') jkt: string | undefined) {
      return record('any', request, jkt);
    }
  }
  return EndpointsController;
}
