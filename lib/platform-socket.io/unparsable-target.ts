import type { IncomingMessage } from 'node:http';

/** As far as it is used here. */
interface HttpServer {
  prependListener(event: 'request' | 'upgrade', listener: (request: IncomingMessage) => void): unknown;
}

/**
 * Keeps the process alive: engine.io parses the target of each request below its path, and for one such as `//[`, which a
 * server with the path `/` takes, that throws where nothing catches it.
 */
export function withstandUnparsableTargets(server: HttpServer): void {
  for (const event of ['request', 'upgrade'] as const) server.prependListener(event, supplyQuery);
}

/** engine.io parses no target of a request that has a query already. */
function supplyQuery(request: IncomingMessage & { _query?: object }): void {
  const url = String(request.url);
  if (/^[/\\]{2}/.test(url) && !URL.canParse(url, 'https://socket.io')) request['_query'] = {};
}
