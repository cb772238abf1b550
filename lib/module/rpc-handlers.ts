/** Nest's metadata key of handlers of microservices, and of the tools of @rekog/mcp-nest. */
export const RPC_PATTERN = 'microservices:pattern';

/** Whether messages of a microservice, or calls of MCP, reach this handler. */
export function isOfMessage(handler: object): boolean {
  return Reflect.hasMetadata(RPC_PATTERN, handler);
}

/** What Nest's package keeps about a handler; @rekog/mcp-nest puts the kind of a tool there. */
const PATTERN_EXTRAS = 'microservices:pattern_extras';

/** Whether calls of MCP reach this handler: messages that have an HTTP request behind them. */
export function isOfTool(handler: object): boolean {
  const extras: unknown = Reflect.getMetadata(PATTERN_EXTRAS, handler);
  return isOfMessage(handler) && typeof extras === 'object' && extras !== null && 'mcpType' in extras;
}
