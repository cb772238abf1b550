import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DenyList, DpopModule, MemoryDenyList, type RevocationEntry } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { LogoutController } from './documents/logout.controller.js';
import { call } from './support/call.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;

beforeEach(async () => {
  [issuer, client] = [await TestIssuer.create(), await TestClient.create()];
});
afterEach(closeApps);

test('the controller of these tests is the one of docs/revocation.md (B9)', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const [, code = ''] = read('./documents/logout.controller.ts').split("from 'nestjs-dpop';\n\n");
  expect(code).toContain('class LogoutController');
  expect(read('../docs/revocation.md')).toContain(code);
});

describe.each(PLATFORMS)('a logout on %s (B9, D8)', (platform) => {
  async function start(revocation: DenyList) {
    const { accessToken } = issuer;
    return await startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot({ origin: ORIGIN, accessToken, revocation }),
        controllers: [LogoutController],
        providers: [{ provide: DenyList, useValue: revocation }],
      }),
    );
  }

  const logOut = async (url: string, claims: object) => {
    const token = await issuer.issueToken({ client, claims: { ...claims } });
    return await call({ url }, client, { method: 'POST', path: '/logout', token });
  };

  test.each<[object, object]>([
    [{ sid: 's', sub: 'u' }, { sid: 's' }],
    [{ sub: 'u' }, { sub: 'u' }],
    [{ sub: undefined, jti: 'j' }, { jti: 'j' }],
  ])('of a token with %j revokes %j', async (claims, entry) => {
    const entries: RevocationEntry[] = [];
    class Recording extends MemoryDenyList {
      override async revoke(given: RevocationEntry): Promise<void> {
        entries.push(given);
        await super.revoke(given);
      }
    }
    const { url } = await start(new Recording({ maxTokenLifetimeSeconds: 3600 }));
    expect((await logOut(url, claims)).status).toBe(204);
    expect(entries).toEqual([{ issuer: issuer.issuer, ...entry }]);
  });

  test('is answered 503 with Retry-After when the list is full, and the error says what failed', async () => {
    const list = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600, maxEntries: 1 });
    await list.revoke({ jkt: 'x' });
    await expect(list.revoke({ jkt: 'y' })).rejects.toThrow(
      'The revocation cannot be completed at the moment',
    );
    const { url } = await start(list);
    const { status, headers } = await logOut(url, { sub: 'u' });
    expect({ status, retryAfter: headers.get('retry-after') }).toEqual({ status: 503, retryAfter: '1' });
  });
});
