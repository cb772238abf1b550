import type { RefusalBody } from './handshake.js';

type RpcExceptionClass = new (error: object) => Error;

let RpcException: RpcExceptionClass | undefined;

/**
 * Loads the only class of exceptions that Nest shows to the clients of messages. An app without handlers of messages need
 * not have the package.
 */
export async function loadRpcException(): Promise<void> {
  try {
    ({ RpcException } = await import('@nestjs/microservices'));
  } catch {
    // Clients then read "Internal server error", which is a refusal, too.
  }
}

/**
 * A refusal for the client of a message; `undefined` before the class is loaded. MCP servers show the message alone, and
 * it begins with the code for that reason.
 */
export function toRpcException({ code, message }: RefusalBody): Error | undefined {
  return RpcException && new RpcException({ status: 'error', code, message: `${code}: ${message}` });
}
