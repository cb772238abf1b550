import type { IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { BenchClient } from '../load/bench-client.js';
import { type Holder, ORIGIN } from '../load/protected-service.js';
import type { Side } from '../rounds.js';
import { closedLoop } from './load.js';
import type { ServerProcess } from './server-process.js';

export const LOOP = 'crypto.verify in a loop';

export type Route = 'open' | 'floor' | 'guarded' | 'peer';

/** The same requests to each route: whether anybody looks at their proofs is the difference. */
export function routeSide(server: ServerProcess, holder: Holder, route: Route): Side {
  return {
    name: route,
    prepare: (count) => {
      const headers = routeHeaders(server, holder, route, count);
      return closedLoop({ url: server.url, path: `/${route}`, headers, status: 200 });
    },
  };
}

export function routeHeaders(
  server: ServerProcess,
  { client, token }: Holder,
  route: Route,
  count: number,
): readonly IncomingHttpHeaders[] {
  // The peer takes the origin from the request, with no way to configure it.
  const htu = `${route === 'peer' ? server.url : ORIGIN}/${route}`;
  return Array.from({ length: count }, () => ({
    authorization: `DPoP ${token}`,
    dpop: client.createProof({ htu, token }),
  }));
}

/**
 * Signatures one after the other and nothing else, in the server's process. Meanwhile the parent signs, as busy as when
 * it makes load: two virtual cores may be one core, and what runs beside half of it is slower.
 */
export function tightLoopSide(server: ServerProcess): Side {
  const client = new BenchClient();
  return {
    name: LOOP,
    prepare: (count) => async () => {
      const verified = server.ask('bareVerify', count);
      const answer = new AbortController();
      void verified.finally(() => answer.abort());
      while (!answer.signal.aborted) {
        client.createProof({ htu: ORIGIN, token: 'none' });
        await setImmediate();
      }
      await verified;
    },
  };
}
