import type { FetchLike } from '@modelcontextprotocol/client';
import { type SentRequest, Wire } from '../../01-quickstart/story/wire.js';

/** A message of MCP, as far as the report names it. */
interface Message {
  readonly method: string;
  readonly params?: { readonly name?: string };
}

/** The connection between agents and the MCP server. It records requests with their messages. */
export class McpWire extends Wire {
  readonly #origin: string;
  #last: SentRequest | undefined;

  constructor(server: string) {
    super(server);
    this.#origin = new URL(server).origin;
  }

  /** `fetch` of an agent. Requests to the authorization server, and streams, are not recorded. */
  fetchAs(sender: string): FetchLike {
    return async (target, init = {}) => {
      const url = new URL(target);
      const headers = Object.fromEntries(new Headers(init.headers));
      const { method = 'GET', body } = init;
      const isStream = method === 'GET' && headers['accept'] === 'text/event-stream';
      if (url.origin !== this.#origin || isStream || method === 'DELETE') return await fetch(url, init);
      const text = typeof body === 'string' ? body : undefined;
      this.#last = { method, url, headers, body: text };
      return await this.deliver(sender, this.#last, noteOf(text));
    };
  }

  /** The last request of an agent. */
  get last(): SentRequest {
    if (this.#last === undefined) throw new Error('no request was sent');
    return this.#last;
  }
}

/** `tools/call transfer` */
export function noteOf(body: string | undefined): string | undefined {
  if (body === undefined) return undefined;
  const { method, params } = JSON.parse(body) as Message;
  return params?.name === undefined ? method : `${method} ${params.name}`;
}
