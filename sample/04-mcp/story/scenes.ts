import type { Target, Thief } from '../../01-quickstart/story/thief.js';
import type { Scene } from '../../story/scene.js';
import type { Agent } from '../client/agent.js';
import { type McpWire, noteOf } from './mcp-wire.js';

export interface Cast {
  /** The URL of the MCP server. */
  readonly server: string;
  readonly wire: McpWire;
  readonly agent: Agent;
  /** Another client of the server, with a token and a key of its own. */
  readonly neighbour: Agent;
  readonly thief: Thief;
}

const HEADERS = {
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
};

/** A call of a tool by hand. */
function callOf(name: string, headers: Readonly<Record<string, string>> = {}): Required<Target> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: {} },
  });
  return {
    method: 'POST',
    path: '/mcp',
    body,
    headers: { ...HEADERS, ...headers },
    note: noteOf(body) ?? '',
  };
}

export const SCENES: readonly Scene<Cast>[] = [
  {
    title: 'The first contact',
    why: 'The challenge names the metadata of the server, and the scope. From the metadata the official client learns the authorization server, gets a token bound to its key, and opens a session.',
    expected: [
      { status: 401, code: 'credentials_missing' },
      { status: 200 },
      { status: 200 },
      { status: 202 },
    ],
    async play({ agent }) {
      await agent.connect();
    },
  },
  {
    title: 'A call of a tool',
    why: 'The client signs a proof for each message. The tool reads the verdict: the client, and the key that it proved to hold.',
    expected: [{ status: 200 }],
    async play({ agent }) {
      await agent.call('whoami');
    },
  },
  {
    title: 'A tool that requires a scope',
    why: 'The endpoint refuses the call before the tool runs. The challenge names the scope; the official client reads the metadata, asks the authorization server for a token with the scope, and repeats the call.',
    expected: [{ status: 403, code: 'insufficient_scope' }, { status: 200 }, { status: 200 }],
    async play({ agent }) {
      await agent.call('read_statements');
    },
  },
  {
    title: 'A tool that requires a nonce',
    why: 'The client takes the nonce from the 401 and repeats the call with a new proof.',
    expected: [{ status: 401, code: 'use_dpop_nonce' }, { status: 200 }],
    async play({ agent }) {
      await agent.call('transfer', { to: 'Grace', amount: 20 });
    },
  },
  {
    title: 'The stolen token as Bearer',
    why: 'The server accepts no Bearer tokens, and a bound token needs a proof.',
    expected: [{ status: 401, code: 'invalid_token' }],
    async play({ agent, thief }) {
      await thief.sendAsBearer(agent.token, callOf('whoami', { 'mcp-session-id': agent.sessionId }));
    },
  },
  {
    title: "The stolen token with the thief's own key",
    why: 'The proof is valid, but the thumbprint of its key is not the cnf.jkt of the token.',
    expected: [{ status: 401, code: 'invalid_token' }],
    async play({ agent, thief }) {
      await thief.sendWithOwnKey(agent.token, callOf('whoami', { 'mcp-session-id': agent.sessionId }));
    },
  },
  {
    title: 'A captured call, replayed',
    why: 'The server records each proof until it expires, and refuses the second copy.',
    expected: [{ status: 200 }, { status: 401, code: 'invalid_dpop_proof' }],
    async play({ agent, thief, wire }) {
      await agent.call('whoami');
      await thief.resend(wire.last, { note: 'the same request' });
    },
  },
  {
    title: 'The session of another client',
    why: "The neighbour has a valid token, a key, and the id of the agent's session. The id names its owner by a seal: for the neighbour, the session does not exist.",
    expected: [
      { status: 401, code: 'credentials_missing' },
      { status: 200 },
      { status: 200 },
      { status: 202 },
      { status: 404 },
      { status: 200 },
    ],
    async play({ server, agent, neighbour, wire }) {
      await neighbour.connect();
      await neighbour.sendIn(agent.sessionId, server, callOf('whoami'), wire.fetchAs('other'));
      await agent.call('whoami');
    },
  },
];
