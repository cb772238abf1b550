import { formatParagraphs, type Paint, shorten, wrap } from '../../story/report.js';
import type { Stage } from '../stage.js';
import type { Cast } from './scenes.js';

/** What the demo shows, and who takes part. */
export function formatPrologue({ issuer, server }: Stage, { agent, neighbour }: Cast, paint: Paint): string {
  return [
    paint('bold', 'An MCP server that serves a token only with the key it is bound to'),
    '',
    ...formatParagraphs(
      'An agent calls the tools of a server with an access token. In this demo the token is bound to a key of the agent (DPoP, RFC 9449), and each message comes with a proof. A thief has the token, captures messages and knows the id of the session. The server, built with @rekog/mcp-nest and guarded by nestjs-dpop, refuses every attempt.',
    ),
    ...wrap('  authorization server  ', `${issuer}, oidc-provider`),
    ...wrap('  MCP server            ', `${server}, Nest with @rekog/mcp-nest and nestjs-dpop`),
    ...wrap('  agent                 ', `the official client, with the key ${shorten(agent.jkt)}`),
    ...wrap('  other                 ', `a second client, with the key ${shorten(neighbour.jkt)}`),
    ...wrap('  thief                 ', "has the agent's token and messages, but not its key"),
    '',
  ].join('\n');
}
