/** Nest's metadata key of handlers of microservices, and of the tools of @rekog/mcp-nest. */
export const RPC_PATTERN = 'microservices:pattern';

/** Whether messages of a microservice, or calls of MCP, reach this handler. */
export function isOfMessage(handler: object): boolean {
  return Reflect.hasMetadata(RPC_PATTERN, handler);
}
