import type { IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import autocannon, { type Request } from 'autocannon';
import type { Work } from '../rounds.js';

const CONNECTIONS = 16;

export interface Load {
  readonly url: string;
  readonly path: string;
  /** Of each request, sent once. */
  readonly headers: readonly IncomingHttpHeaders[];
  readonly status: number;
}

/** Sends each request once, on each connection one after the other without a pause. */
export function closedLoop(load: Load): Work {
  const { url, path, headers, status } = load;
  const requests: Request[] = headers.map((fields) => ({ method: 'GET', path, headers: fields }));
  // What `amount` gives the first connections more, they are given here.
  const shares = Array.from({ length: CONNECTIONS }, (_, i) =>
    Math.floor((requests.length + CONNECTIONS - 1 - i) / CONNECTIONS),
  );
  return async () => {
    let taken = 0;
    const left = shares.values();
    const answers = autocannon({
      url,
      amount: requests.length,
      connections: CONNECTIONS,
      sampleInt: 10,
      // Before it connects: the load generator must not be what limits the load.
      setupClient: (client) => {
        const share = left.next().value ?? 0;
        client.setRequests(requests.slice(taken, (taken += share)));
      },
    });
    const result = await stayAwake(Promise.resolve(answers));
    const expected = result.statusCodeStats?.[`${status}`]?.count ?? 0;
    if (expected !== requests.length || result.errors > 0) {
      throw new Error(`${path}: ${expected} of ${requests.length} answers were ${status}`);
    }
  };
}

/** To wake the load generator up is work for the server, the more of it the longer it lets it wait: so it never sleeps. */
async function stayAwake<T>(work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const settled = work.finally(() => done.abort());
  while (!done.signal.aborted) await setImmediate();
  return await settled;
}
