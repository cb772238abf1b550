import type { AbstractHttpAdapter } from '@nestjs/core';
import { holdForHead } from '../http/response-head.js';
import { mergeField, type ResponseHeader } from '../http/response-headers.js';
import { carriesHeaders } from './transport.js';

/**
 * Writes headers with the head of the response. If the response is not one of Node, it writes them at once through Nest's
 * HTTP adapter. Nest's exceptions cannot carry headers.
 *
 * @param status the only status with which they are written; `undefined` for any status
 * @returns a function that withdraws the headers until they are written
 */
export function writeHeaders(
  response: object,
  adapter: AbstractHttpAdapter,
  headers: readonly ResponseHeader[],
  status: number | undefined,
): (() => void) | undefined {
  const withdraw = holdForHead(response, headers, status);
  if (withdraw !== undefined || !carriesHeaders(response) || adapter.isHeadersSent(response)) return withdraw;
  for (const header of headers) {
    const value = mergeField(header, () => adapter.getHeader?.(response, header.name));
    adapter.setHeader?.(response, header.name, value);
  }
  return undefined;
}
