import type { IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { BenchClient } from '../load/bench-client.js';
import { type Holder, ORIGIN } from '../load/protected-service.js';
import type { Side } from '../rounds.js';
import { closedLoop } from './load.js';
import type { ServerProcess } from './server-process.js';

export const LOOP = 'crypto.verify in a loop';

export type Route = 'open' | 'floor' | 'guarded' | 'peer';

/** Sends the same requests to each route. Only some routes verify the proofs. */
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
  // The peer takes the origin from the request, and has no option for it.
  const htu = `${route === 'peer' ? server.url : ORIGIN}/${route}`;
  return Array.from({ length: count }, () => ({
    authorization: `DPoP ${token}`,
    dpop: client.createProof({ htu, token }),
  }));
}

/**
 * Verifies signatures one after the other in the process of the server. Meanwhile the parent signs and is as busy as
 * under load, because two virtual cores may share one physical core.
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
