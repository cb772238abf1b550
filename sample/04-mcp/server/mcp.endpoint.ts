import { Controller, UseGuards } from '@nestjs/common';
import { McpHttpControllerFor, McpStrategy, StreamableHttpTransport } from '@rekog/mcp-nest';
import { RequireScopes } from 'nestjs-dpop';
import { DpopMcpGuard, McpSessions } from 'nestjs-dpop/mcp';

/** What a process has once: sessions are kept in its memory. */
const sessions = new McpSessions();

const transport = new StreamableHttpTransport({
  statefulMode: true,
  enableJsonResponse: true,
  sessionIdGenerator: sessions.createId,
});

/** The endpoint as a controller: only so do guards apply to it. */
@UseGuards(DpopMcpGuard)
@RequireScopes('mcp')
@Controller('mcp')
export class McpEndpoint extends McpHttpControllerFor(sessions.bind(transport)) {}

/** What `connectMicroservice` takes. */
export const strategy = new McpStrategy({
  name: 'statements',
  version: '1.0.0',
  transports: [transport],
  logging: false,
});
