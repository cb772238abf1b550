import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, Injectable, Req, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { DpopGuard, DpopModule, getDpopVerdict } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call } from './support/call.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

interface Headers {
  readonly headers: { readonly authorization?: string };
}

/** As docs/report-mode.md has it. */
function fromBearerOrDpop({ headers }: Headers): string | null {
  return /^(?:Bearer|DPoP) +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

/** As `ExtractJwt.fromAuthHeaderAsBearerToken` of passport-jwt. */
function fromBearer({ headers }: Headers): string | null {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

let extract = fromBearerOrDpop;

/** The part of passport-jwt that matters here: the token comes from an extractor. */
class OldStrategy {
  authenticate(this: OldStrategy & Actions, request: Headers): void {
    if (extract(request) === null) this.fail();
    else this.success({ name: 'old user' });
  }
}

interface Actions {
  success(user: object): void;
  fail(): void;
}

@Injectable()
class JwtStrategy extends PassportStrategy(OldStrategy, 'old-jwt') {
  validate(): unknown {
    return undefined;
  }
}

@Controller()
@UseGuards(AuthGuard('old-jwt'), DpopGuard)
class AccountsController {
  @Get()
  list(@Req() request: { user: unknown }): object {
    const verdict = getDpopVerdict(request);
    return {
      user: request.user,
      scheme: verdict?.scheme,
      enforced: verdict?.enforced,
      reason: verdict?.unmet?.reason,
    };
  }
}

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

afterEach(closeApps);

describe.each(PLATFORMS)("report mode behind AuthGuard('jwt') on %s (K1)", (platform) => {
  const start = () => {
    const dpop = DpopModule.forRoot(
      withOrigin({ accessToken: issuer.accessToken, enforcement: 'report', bearer: 'allow-unbound' }),
    );
    return startApp(
      platform,
      createRootModule({ dpop, controllers: [AccountsController], providers: [JwtStrategy] }),
    );
  };

  test('an extractor for both schemes lets the proof be seen', async () => {
    extract = fromBearerOrDpop;
    const app = await start();
    const user = { name: 'old user' };
    expect((await call(app, client, { token })).body).toEqual({ user, scheme: 'DPoP', enforced: true });
    const foreign = await call(app, client, { token, origin: 'https://other.example' });
    expect(foreign.body).toEqual({ user, scheme: 'Bearer', enforced: false, reason: 'proof_htu' });
    const unbound = await issuer.issueToken({});
    const bearer = await call(app, client, { headers: { authorization: `Bearer ${unbound}` } });
    expect(bearer.body).toEqual({ user, scheme: 'Bearer', enforced: true });
  });

  test('an extractor for Bearer alone refuses each request with a proof', async () => {
    extract = fromBearer;
    const app = await start();
    expect((await call(app, client, { token })).status).toBe(401);
    const headers = { authorization: `Bearer ${token}` };
    expect((await call(app, client, { headers })).body).toMatchObject({ reason: 'bound_token_as_bearer' });
  });
});
