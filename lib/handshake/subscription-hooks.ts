import type { IncomingMessage } from 'node:http';

/** Options of graphql-ws. */
export interface GraphqlWsHooks {
  readonly onConnect: (context: { readonly extra: unknown }) => Promise<boolean>;
}

/** Options of `subscription` of Mercurius. */
export interface MercuriusHooks {
  readonly verifyClient: (
    info: { readonly req: IncomingMessage },
    answer: (isAccepted: boolean, status?: number, body?: string, headers?: Record<string, string>) => void,
  ) => void;
  readonly context: (socket: object, request: object) => Promise<object>;
}
