import { createHash, KeyObject, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { normalizeHttpUri } from '../lib/http/http-uri.js';
import { MemoryStorage } from '../lib/index.js';
import { TestClient, TestIssuer } from '../lib/testing/index.js';
import { Random } from './differential/random.js';
import { KeepAliveConnection, type WireAnswer } from './target/keep-alive-connection.js';
import { type RoutedApp, ROUTED_PATHS, ROUTERS, startRoutedApp } from './target/routed-app.js';
import { createSignedTarget, type SignedTarget } from './target/targets.js';

/** For each router and each base URL. */
const TARGETS = Number(process.env['FUZZ_TARGETS'] ?? 500);
const SEED = Number(process.env['FUZZ_SEED'] ?? 3986);
const TIMEOUT_MS = 60_000 + 40 * TARGETS;
const CONNECTIONS = 16;
const ORIGIN = 'https://api.example.com';
const NOW_MS = Date.parse('2030-01-01T00:00:00Z');
const clock = () => NOW_MS;

let client: TestClient;
let issuer: TestIssuer;
let token: string;
let signProof: (htu: string) => string;

beforeAll(async () => {
  issuer = await TestIssuer.create({ clock });
  client = await TestClient.create({ clock });
  token = await issuer.issueToken({ client });
  const key = KeyObject.from(client.privateKey);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = encode({ alg: 'ES256', typ: 'dpop+jwt', jwk: client.publicJwk });
  const ath = createHash('sha256').update(token).digest('base64url');
  let count = 0;
  signProof = (htu) => {
    count += 1;
    const signed = `${header}.${encode({ jti: `${count}`, htm: 'GET', htu, iat: NOW_MS / 1000, ath })}`;
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  };
});

const ask = (connection: KeepAliveConnection, target: string, htu: string): Promise<WireAnswer> =>
  connection.send(
    `GET ${target} HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: DPoP ${token}\r\nDPoP: ${signProof(htu)}\r\n\r\n`,
  );

describe.each(ROUTERS)('on %s (C9)', (router) => {
  describe.each(['', '/v1'])('below the prefix "%s"', (prefix) => {
    const random = new Random(SEED);
    const connections: KeepAliveConnection[] = [];
    const routes = new Map<string, Promise<string>>();
    let app: RoutedApp;

    beforeAll(async () => {
      const storage = new MemoryStorage({ maxEntries: 10_000_000 });
      const origin = ORIGIN + prefix;
      app = await startRoutedApp(router, { origin, accessToken: issuer.accessToken, storage, clock });
      for (let i = 0; i < CONNECTIONS; i += 1) connections.push(new KeepAliveConnection(app.port));
    });

    afterAll(async () => {
      for (const connection of connections) connection.close();
      await app.close();
    });

    /** The handler that a URI's own path routes to, by a request that says it in the plainest way. */
    const routeOf = (connection: KeepAliveConnection, htu: string): Promise<string> => {
      const uri = normalizeHttpUri(htu)?.uri ?? '';
      if (!uri.startsWith(`${ORIGIN}${prefix}/`)) return Promise.resolve('none of this service');
      let route = routes.get(uri);
      if (route === undefined) {
        route = ask(connection, uri.slice(ORIGIN.length + prefix.length), uri).then(handlerOf);
        routes.set(uri, route);
      }
      return route;
    };

    test('each route is reached by its own path', async () => {
      const reached = new Set<string>();
      for (const path of ROUTED_PATHS)
        reached.add(await routeOf(connections[0] as KeepAliveConnection, ORIGIN + prefix + path));
      expect(reached.size).toBe(ROUTED_PATHS.length);
    });

    test(
      `of ${TARGETS} targets none reaches another handler than the one that the htu's own path routes to`,
      async () => {
        const broken: (SignedTarget & { readonly ran: string; readonly signedRoute: string })[] = [];
        let accepted = 0;
        let left = TARGETS;
        await Promise.all(
          connections.map(async (connection) => {
            while (left > 0 && broken.length < 20) {
              left -= 1;
              const signed = createSignedTarget(random);
              const htu = ORIGIN + (random.happens(0.8) ? prefix : '') + signed.signedPath;
              const answer = await ask(connection, signed.target, htu);
              if (answer.status !== 200) continue;
              accepted += 1;
              const ran = handlerOf(answer);
              const signedRoute = await routeOf(connection, htu);
              if (ran !== signedRoute) broken.push({ ...signed, ran, signedRoute });
            }
          }),
        );
        expect(broken).toStrictEqual([]);
        expect(accepted).toBeGreaterThan(TARGETS / 50);
      },
      TIMEOUT_MS,
    );
  });
});

function handlerOf({ status, body }: WireAnswer): string {
  return status === 200 ? body : `status ${status}`;
}
