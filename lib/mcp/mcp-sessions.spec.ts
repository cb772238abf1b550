import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { McpSessions } from './mcp-sessions.js';

test('an endpoint without a guard answers 503, and the log says what to do (D8, D9)', async () => {
  const lines: string[] = [];
  const ignore = () => undefined;
  Logger.overrideLogger({ log: ignore, warn: ignore, error: (text) => void lines.push(String(text)) });
  const source = { httpHandlers: { handlePost: ignore, handleGet: ignore, handleDelete: ignore } };
  const { handlePost } = new McpSessions().bind(source).httpHandlers;
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  await expect(handlePost({}, response)).rejects.toMatchObject({ status: 503 });
  expect({ ...response.writeHead(503).getHeaders() }).toMatchObject({ 'retry-after': '1' });
  expect(lines).toEqual([
    'answered 503: verdict_missing; put @UseGuards(DpopMcpGuard) on the controller of the MCP endpoint',
  ]);
});
