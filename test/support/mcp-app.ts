import { Controller, type DynamicModule, type Provider, type Type, UseGuards } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import {
  McpContext,
  McpController,
  McpHttpControllerFor,
  McpStrategy,
  Prompt,
  Resource,
  StreamableHttpTransport,
  type StreamableHttpTransportOptions,
  Tool,
} from '@rekog/mcp-nest';
import { Dpop, DpopBound, DpopGuard, getDpopVerdict, RequireScopes } from 'nestjs-dpop';
import { DpopMcpGuard, McpSessions } from 'nestjs-dpop/mcp';
import { z } from 'zod';
import { createRootModule } from './root-module.js';
import type { Platform } from './platforms.js';
import { type RunningApp, startApp, type StartOptions } from './running-app.js';

/** The tools that ran, in order. */
export const ran: string[] = [];

@UseGuards(DpopGuard)
@McpController()
export class GuardedTools {
  @Tool({ name: 'whoami', description: 'Tells who calls', parameters: z.object({}) })
  whoAmI(@DpopBound() jkt: string, @DpopBound('subject') subject: string, @Ctx() context: McpContext) {
    ran.push('whoami');
    return { jkt, subject, same: getDpopVerdict(context.getRawRequest<object>())?.jkt === jkt };
  }

  @RequireScopes('transfer')
  @Tool({ name: 'transfer', description: 'Moves money', parameters: z.object({ amount: z.number() }) })
  transfer(@Payload() { amount }: { readonly amount: number }) {
    ran.push('transfer');
    return { amount };
  }

  @Dpop({ nonce: 'required' })
  @Tool({ name: 'wipe', description: 'Wipes', parameters: z.object({}) })
  wipe() {
    ran.push('wipe');
    return { wiped: true };
  }

  @RequireScopes('transfer')
  @Prompt({ name: 'plan', description: 'A plan' })
  plan() {
    ran.push('plan');
    return { messages: [] };
  }

  @RequireScopes('transfer')
  @Resource({ name: 'ledger', uri: 'ledger://all', description: 'All', mimeType: 'text/plain' })
  ledger() {
    ran.push('ledger');
    return { contents: [{ uri: 'ledger://all', mimeType: 'text/plain', text: '1' }] };
  }
}

export interface McpAppParts {
  readonly dpop: DynamicModule;
  readonly tools?: Type;
  /** The guards of the endpoint; default `DpopMcpGuard`. */
  readonly guards?: readonly Type[];
  /** Decorators of the endpoint's class. */
  readonly decorators?: readonly ClassDecorator[];
  readonly transport?: StreamableHttpTransportOptions;
  /** Default: in a stateful server, new ones; `null` for none. */
  readonly sessions?: McpSessions | null;
  readonly providers?: readonly Provider[];
  readonly inheritAppConfig?: boolean;
}

/** An app with an MCP server at `/mcp`. Close it as any other. */
export async function startMcp(
  platform: Platform,
  parts: McpAppParts,
  options: StartOptions = {},
): Promise<RunningApp & { readonly endpoint: string }> {
  const { tools = GuardedTools, guards = [DpopMcpGuard], decorators = [], providers = [] } = parts;
  const isStateful = parts.transport?.statefulMode === true;
  const sessions = parts.sessions === undefined && isStateful ? new McpSessions() : parts.sessions;
  const transport = new StreamableHttpTransport({
    ...parts.transport,
    ...(sessions && { sessionIdGenerator: sessions.createId }),
  });

  class Endpoint extends McpHttpControllerFor(sessions ? sessions.bind(transport) : transport) {}
  for (const decorate of [...decorators, ...(guards.length > 0 ? [UseGuards(...guards)] : [])])
    decorate(Endpoint);
  Controller('mcp')(Endpoint);

  const strategy = new McpStrategy({ name: 'test', version: '1', transports: [transport], logging: false });
  const root = createRootModule({ dpop: parts.dpop, controllers: [Endpoint, tools], providers });
  const { inheritAppConfig = false } = parts;
  const app = await startApp(platform, root, {
    ...options,
    forceCloseConnections: true,
    before: (nest) => {
      options.before?.(nest);
      nest.connectMicroservice({ strategy }, { inheritAppConfig });
    },
  });
  await app.nest.startAllMicroservices();
  return { ...app, endpoint: `${app.url}/mcp` };
}
