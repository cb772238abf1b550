import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, Injectable, type PipeTransform, UseGuards } from '@nestjs/common';
import {
  type AccessTokenClaims,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, UNAVAILABLE } from './support/call.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let hits = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

class ShortenPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    return value.slice(0, 3);
  }
}

@Injectable()
class CountPipe implements PipeTransform<readonly string[], number> {
  transform(value: readonly string[]): number {
    return value.length;
  }
}

@Controller()
class BoundController {
  @UseGuards(DpopGuard)
  @Get('all')
  all(
    @DpopBound() jkt: string,
    @DpopBound('jkt') sameJkt: string,
    @DpopBound('scheme') scheme: string,
    @DpopBound('claims') claims: AccessTokenClaims,
    @DpopBound('issuer') issuerOfToken: string,
    @DpopBound('subject') subject: string,
    @DpopBound('clientId') clientId: string,
    @DpopBound('scopes') scopes: readonly string[],
    @DpopBound('token') presented: string,
    @DpopBound('hasNonce') hasNonce: boolean,
    @DpopBound('nextNonce') nextNonce: string | undefined,
  ): object {
    return {
      jkt,
      sameJkt,
      scheme,
      cnf: claims.cnf,
      issuerOfToken,
      subject,
      clientId,
      scopes,
      presented,
      hasNonce,
      nextNonce: nextNonce ?? 'none',
    };
  }

  @UseGuards(DpopGuard)
  @Get('piped')
  piped(
    @DpopBound('jkt', new ShortenPipe()) short: string,
    @DpopBound('scopes', CountPipe) count: number,
  ): object {
    return { short, count };
  }

  @UseGuards(DpopGuard)
  @Get('frozen')
  frozen(
    @DpopBound('claims') claims: AccessTokenClaims,
    @DpopBound('scopes') scopes: readonly string[],
  ): boolean[] {
    return [Object.isFrozen(claims), Object.isFrozen(claims.cnf), Object.isFrozen(scopes)];
  }

  @Get('unguarded')
  unguarded(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }
}

describe.each(PLATFORMS)('@DpopBound on %s', (platform) => {
  const start = () =>
    startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot(options({ unguardedRoutes: 'warn' })),
        controllers: [BoundController],
      }),
    );

  test('hands over the thumbprint, and with a key each part of the verdict (B3)', async () => {
    const app = await start();
    const { body } = await call(app, client, { path: '/all', token });
    expect(body).toEqual({
      jkt: client.jkt,
      sameJkt: client.jkt,
      scheme: 'DPoP',
      cnf: { jkt: client.jkt },
      issuerOfToken: issuer.issuer,
      subject: 'user',
      clientId: 'client',
      scopes: ['read'],
      presented: token,
      hasNonce: false,
      nextNonce: 'none',
    });
  });

  test('takes pipes, as instances and as classes', async () => {
    const app = await start();
    const { body } = await call(app, client, { path: '/piped', token });
    expect(body).toEqual({ short: client.jkt.slice(0, 3), count: 1 });
  });

  test('hands over nothing that a handler could change for the next request', async () => {
    const app = await start();
    expect(await call(app, client, { path: '/frozen', token })).toMatchObject({ body: [true, true, true] });
  });

  test('a route without the guard is 503, with credentials or without, and does not run (D8)', async () => {
    const app = await start();
    hits = 0;
    expect(await call(app, client, { path: '/unguarded', token })).toMatchObject(UNAVAILABLE);
    expect(await call(app, client, { path: '/unguarded' })).toMatchObject(UNAVAILABLE);
    expect(hits).toBe(0);
  });
});
