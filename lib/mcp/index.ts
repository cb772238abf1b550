export { DpopMcpGuard } from './dpop-mcp.guard.js';
export { type McpEndpointHandlers, type McpEndpointSource, McpSessions } from './mcp-sessions.js';
