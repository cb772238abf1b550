import { afterEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { DpopGuard, DpopModule, RequireAuthentication } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, startApp } from './support/running-app.js';

const clock = new HandClock();
const issuer = await TestIssuer.create({ clock: clock.read });
const client = await TestClient.create({ clock: clock.read });
const ran: string[] = [];

function handled(route: string): { readonly route: string } {
  ran.push(route);
  return { route };
}

@UseGuards(DpopGuard)
@Controller()
class StepUpController {
  @RequireAuthentication({ acrValues: ['phr', 'phrh'] })
  @Get('strong')
  strong() {
    return handled('strong');
  }

  @RequireAuthentication({ maxAgeSeconds: 300 })
  @Get('recent')
  recent() {
    return handled('recent');
  }
}

@Module({
  controllers: [StepUpController],
  imports: [DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, clock: clock.read }))],
})
class StepUpModule {}

afterEach(async () => {
  ran.length = 0;
  await closeApps();
});

const secondsAgo = (seconds: number) => clock.ms / 1000 - seconds;

describe.each(PLATFORMS)('a route that demands one half of an authentication, on %s (D2)', (platform) => {
  test.each([
    ['strong', 'the one value', { acr: 'phr' }],
    ['strong', 'the other value, long ago', { acr: 'phrh', auth_time: secondsAgo(86_400) }],
    ['strong', 'a time that is none', { acr: 'phr', auth_time: 'yesterday' }],
    ['recent', 'no acr', { auth_time: secondsAgo(10) }],
    ['recent', 'a weak acr', { acr: 'pwd', auth_time: secondsAgo(0) }],
    ['recent', 'the greatest age', { auth_time: secondsAgo(300) }],
    ['recent', 'an acr that is none', { acr: 7, auth_time: secondsAgo(299) }],
  ])('/%s lets through who meets it, with %s', async (route, _what, claims) => {
    const app = await startApp(platform, StepUpModule);
    const token = await issuer.issueToken({ client, claims });
    expect(await call(app, client, { path: `/${route}`, token })).toMatchObject({
      status: 200,
      body: { route },
      challenge: null,
    });
    expect(ran).toEqual([route]);
  });

  test.each([
    ['strong', 'acr_values="phr phrh"', 'no acr', {}],
    ['strong', 'acr_values="phr phrh"', 'another acr', { acr: 'pwd', auth_time: secondsAgo(1) }],
    ['strong', 'acr_values="phr phrh"', 'a part of one', { acr: 'ph' }],
    ['strong', 'acr_values="phr phrh"', 'an array', { acr: ['phr'] }],
    ['recent', 'max_age="300"', 'no time', { acr: 'phr' }],
    ['recent', 'max_age="300"', 'a second more', { auth_time: secondsAgo(301) }],
    ['recent', 'max_age="300"', 'a time as a string', { auth_time: String(secondsAgo(1)) }],
  ])('/%s refuses with %s who does not: %s', async (route, parameter, _what, claims) => {
    const app = await startApp(platform, StepUpModule);
    const token = await issuer.issueToken({ client, claims });
    const answer = await call(app, client, { path: `/${route}`, token });
    expect(answer).toMatchObject({ status: 401, code: 'insufficient_user_authentication', nonce: null });
    expect(answer.challenge).toBe(
      'DPoP error="insufficient_user_authentication", ' +
        'error_description="A stronger or more recent user authentication is required", ' +
        `${parameter}, algs="ES256 ES384 ES512 PS256 PS384 PS512 RS256 RS384 RS512 Ed25519 EdDSA"`,
    );
    expect(ran).toStrictEqual([]);
  });
});
