import { createServer, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { withstandUnparsableTargets } from './unparsable-target.js';

/** What a listener that was there before finds as the query, as engine.io does. */
function queryOf(event: 'request' | 'upgrade', url: string | undefined): unknown {
  const server = createServer();
  let query: unknown = 'not asked';
  server.on(event, (request: IncomingMessage & { _query?: object }) => {
    query = request['_query'];
  });
  withstandUnparsableTargets(server);
  server.emit(event, Object.assign(new IncomingMessage(new Socket()), { url }));
  return query;
}

describe.each(['request', 'upgrade'] as const)('a target of the event %s (D5)', (event) => {
  test.each(['//[', '//[/socket.io/', '\\\\[', '/\\[', '//a:b/', '//[::1/?EIO=4'])(
    'that cannot be parsed, as %j, has an empty query',
    (url) => {
      expect(queryOf(event, url)).toEqual({});
    },
  );

  test.each(['/socket.io/?EIO=4', '//host/path', '/', '', '*', '/a//[', ' //[', undefined])(
    'that can, as %j, is left to engine.io',
    (url) => {
      expect(queryOf(event, url)).toBeUndefined();
    },
  );
});
