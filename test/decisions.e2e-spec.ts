import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopBound, type DpopDecision, DpopGuard, type DpopVerdict, RequireScopes } from '../lib/index.js';
import { TestClient, TestIssuer } from '../lib/testing/index.js';
import { observeDecisions } from './support/observe-decisions.js';
import { PLATFORMS } from './support/platforms.js';
import { type RecordingApp, startRecordingApp } from './support/recording-app.js';

const ORIGIN = 'https://api.example.com';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

/** Lets a request in by another credential when DPoP does not. */
@Injectable()
class DpopOrApiKeyGuard extends DpopGuard implements CanActivate {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    try {
      return await super.canActivate(context);
    } catch {
      return true;
    }
  }
}

/** Knows no user for this subject, and fails to say so. */
@Injectable()
class UserlessGuard extends DpopGuard {
  override handleRequest(_error: unknown, _verdict: DpopVerdict): never {
    throw new Error('the user directory is away');
  }
}

@UseGuards(DpopGuard)
@Controller()
class GuardedThriceController {
  @UseGuards(DpopGuard)
  @Get('plain')
  plain(@DpopBound() jkt: string): object {
    return { jkt };
  }

  @UseGuards(DpopGuard)
  @RequireScopes('admin')
  @Get('scoped')
  scoped(): object {
    return {};
  }

  @UseGuards(DpopOrApiKeyGuard, DpopOrApiKeyGuard)
  @Get('either')
  either(): object {
    return {};
  }

  @UseGuards(UserlessGuard)
  @Get('userless')
  userless(): object {
    return {};
  }
}

@Controller()
class EitherController {
  @UseGuards(DpopOrApiKeyGuard, DpopOrApiKeyGuard)
  @Get('either')
  either(): object {
    return {};
  }
}

describe.each(PLATFORMS)('decisions about a request that several guards see, on %s', (platform) => {
  let started: RecordingApp | undefined;

  afterEach(async () => {
    await started?.close();
    started = undefined;
  });

  async function decide(
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly decisions: readonly DpopDecision[] }> {
    const isEither = path === 'either';
    started = await startRecordingApp(platform, {
      dpop: { origin: ORIGIN, accessToken: issuer.accessToken },
      controllers: isEither ? [EitherController] : [GuardedThriceController],
      providers: isEither ? [] : [{ provide: APP_GUARD, useExisting: DpopGuard }],
    });
    const { url } = started;
    let status = 0;
    const decisions = await observeDecisions(async () => {
      ({ status } = await fetch(`${url}/${path}`, { headers }));
    });
    return { status, decisions };
  }

  const signed = (path: string) => client.createHeaders({ method: 'GET', url: `${ORIGIN}/${path}`, token });

  test('one is published for an accepted request, though three guards ask (D9)', async () => {
    const { status, decisions } = await decide('plain', await signed('plain'));
    expect(status).toBe(200);
    expect(decisions).toMatchObject([{ outcome: 'accepted', jkt: client.jkt, replayChecked: true }]);
  });

  test('one is published for a refused request (D9)', async () => {
    const { status, decisions } = await decide('scoped', await signed('scoped'));
    expect(status).toBe(403);
    expect(decisions).toMatchObject([
      { outcome: 'refused', reason: 'scope_insufficient', jkt: client.jkt, route: '/scoped' },
    ]);
  });

  test('one is published when two guards refuse and another credential lets the request in (D9)', async () => {
    const { status, decisions } = await decide('either', {});
    expect(status).toBe(200);
    expect(decisions).toMatchObject([{ outcome: 'refused', reason: 'credentials_missing' }]);
  });

  test('a failure after the verdict is published beside the acceptance (D9)', async () => {
    const { status, decisions } = await decide('userless', await signed('userless'));
    expect(status).toBe(503);
    expect(decisions).toMatchObject([
      { outcome: 'accepted' },
      { outcome: 'unavailable', reason: 'internal_failure', handler: 'GuardedThriceController.userless' },
    ]);
  });
});
