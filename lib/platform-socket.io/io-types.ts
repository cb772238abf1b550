import type { IncomingMessage } from 'node:http';
import type { IoAdapter } from '@nestjs/platform-socket.io';

/** The types of socket.io as the adapter of Nest has them: its version is the one of the app. */
export type IoServer = ReturnType<IoAdapter['createIOServer']>;
export type IoServerOptions = Exclude<Parameters<IoAdapter['createIOServer']>[1], undefined>;
export type IoNamespace = ReturnType<IoServer['of']>;
type NamespaceMiddleware = Parameters<IoNamespace['use']>[0];
export type IoSocket = Parameters<NamespaceMiddleware>[0];
export type Next = Parameters<NamespaceMiddleware>[1];

/** A session of engine.io. It outlives the request that opened it. */
export interface EngineSession {
  /** The `sid` of its requests. */
  readonly id: string;
  readonly request: IncomingMessage;
  close(): void;
  once(event: 'close', listener: () => void): unknown;
}

/** As far as it is used here. */
export interface Engine {
  use(middleware: (request: EngineRequest, response: EngineResponse, next: () => void) => unknown): unknown;
  on(event: 'connection', listener: (session: EngineSession) => void): unknown;
}

export interface EngineRequest extends IncomingMessage {
  /** The query as engine.io reads it, before it calls a middleware. Of a repeated parameter the last one counts. */
  readonly _query: Readonly<Record<string, string | undefined>>;
}

/** A response of Node or, for an upgrade, an object that keeps headers for the 101. */
export interface EngineResponse {
  getHeader(name: string): unknown;
  setHeader(name: string, value: string): unknown;
}
