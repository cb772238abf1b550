import type { AbstractHttpAdapter } from '@nestjs/core';
import { holdForHead } from '../http/response-head.js';
import { mergeField, type ResponseHeader } from '../http/response-headers.js';
import { carriesHeaders } from './transport.js';

/**
 * Writes headers with the head of the response. A response that is not one of Node's gets them at once, through Nest's
 * adapter, since Nest's exceptions carry no headers.
 *
 * @param status the one with which they are written; undefined: with any
 * @returns what takes them back, as long as they are not written
 */
export function writeHeaders(
  response: object,
  adapter: AbstractHttpAdapter,
  headers: readonly ResponseHeader[],
  status: number | undefined,
): (() => void) | undefined {
  const takeBack = holdForHead(response, headers, status);
  if (takeBack !== undefined || !carriesHeaders(response) || adapter.isHeadersSent(response)) return takeBack;
  for (const header of headers) {
    const value = mergeField(header, () => adapter.getHeader?.(response, header.name));
    adapter.setHeader?.(response, header.name, value);
  }
  return undefined;
}
