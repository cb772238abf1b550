import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import { Dpop, DpopBound, DpopGuard, DpopModule, type DpopModuleOptions } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, send } from './support/call.js';
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

@Controller()
class EchoController {
  @UseGuards(DpopGuard)
  @Get('accounts/:id')
  read(@DpopBound() jkt: string): string {
    return jkt;
  }

  @UseGuards(DpopGuard)
  @Dpop({ nonce: 'required' })
  @Get('nonce')
  nonce(): string {
    return 'nonce';
  }
}

describe.each(PLATFORMS)('CORS on %s (D7)', (platform) => {
  const origin = 'https://app.example.com';
  const start = (exposedHeaders?: string | string[]) =>
    startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot(options()), controllers: [EchoController] }),
      {
        before: (nest) =>
          nest.enableCors({
            origin,
            credentials: true,
            ...(exposedHeaders !== undefined && { exposedHeaders }),
          }),
      },
    );

  const exposed = ({ headers }: Answer): readonly string[] =>
    (headers.get('access-control-expose-headers') ?? '').split(',').map((name) => name.trim());

  test('what the app exposes is kept, ours is added, nothing stands twice', async () => {
    const app = await start(['X-Total-Count', 'dpop-nonce']);
    const headers = { origin };
    const refused = await call(app, client, { path: '/accounts/7', headers });
    expect(exposed(refused)).toEqual(['X-Total-Count', 'dpop-nonce', 'WWW-Authenticate']);
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin);
    const demanded = await call(app, client, { path: '/nonce', token, headers });
    expect(demanded).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    expect(exposed(demanded)).toEqual(['X-Total-Count', 'dpop-nonce', 'WWW-Authenticate']);
    const passed = await call(app, client, { path: '/accounts/7', token, headers });
    expect(exposed(passed)).toEqual(['X-Total-Count', 'dpop-nonce']);
  });

  test('an app that exposes nothing, or one header as a string', async () => {
    const headers = { origin };
    const nothing = await call(await start(), client, { path: '/accounts/7', headers });
    expect(exposed(nothing)).toEqual(['DPoP-Nonce', 'WWW-Authenticate']);
    const one = await call(await start('X-Total-Count'), client, { path: '/accounts/7', headers });
    expect(exposed(one)).toEqual(['X-Total-Count', 'DPoP-Nonce', 'WWW-Authenticate']);
  });

  test('a preflight passes without credentials', async () => {
    const app = await start();
    const { status, headers } = await send(`${app.url}/accounts/7`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization,dpop',
      },
    });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-headers')).toContain('dpop');
  });

  test('headers of the app beside ours stay as they are', async () => {
    const app = await startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot(options()), controllers: [EchoController] }),
      {
        before: (nest) => {
          nest.enableCors({ origin, methods: 'GET' });
          nest.use(
            (
              _request: unknown,
              response: { setHeader(name: string, value: string): void },
              next: () => void,
            ) => {
              response.setHeader('x-request-id', '1');
              response.setHeader('vary', 'Accept-Language');
              next();
            },
          );
        },
      },
    );
    const { headers } = await call(app, client, { path: '/accounts/7', headers: { origin } });
    expect(headers.get('x-request-id')).toBe('1');
    expect(headers.get('vary')).toContain('Accept-Language');
  });
});
