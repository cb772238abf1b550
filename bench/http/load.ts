import type { IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import autocannon, { type Request } from 'autocannon';
import type { Work } from '../rounds.js';

const CONNECTIONS = 16;

export interface Load {
  readonly url: string;
  readonly path: string;
  /** The headers of each request, which is sent once. */
  readonly headers: readonly IncomingHttpHeaders[];
  readonly status: number;
}

/** Sends each request once. Each connection sends its requests one after the other without a pause. */
export function closedLoop(load: Load): Work {
  const { url, path, headers, status } = load;
  const requests: Request[] = headers.map((fields) => ({ method: 'GET', path, headers: fields }));
  // autocannon divides `amount` in the same way: the first connections take the remainder.
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
      // Prepared before the connection, so that the load generator does not limit the load.
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

/** Keeps the load generator awake, because waking it up costs the server CPU time. */
async function stayAwake<T>(work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const settled = work.finally(() => done.abort());
  while (!done.signal.aborted) await setImmediate();
  return await settled;
}
