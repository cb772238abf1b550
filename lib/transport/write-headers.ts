import type { ExecutionContext } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { holdForHead } from '../http/response-head.js';
import { mergeField, type ResponseHeader } from '../http/response-headers.js';
import { carriesHeaders, transportOf } from './transport.js';

/**
 * Writes headers with the head of the response. Where that is not Node's, at once and through Nest's adapter, since Nest's
 * exceptions carry no headers.
 *
 * @param status the one with which they are written; undefined: with any
 * @returns what takes them back, as long as they are not written
 */
export function writeHeaders(
  context: ExecutionContext,
  adapter: AbstractHttpAdapter,
  headers: readonly ResponseHeader[],
  status: number | undefined,
): (() => void) | undefined {
  const response = transportOf(context)?.response;
  const takeBack = response === undefined ? undefined : holdForHead(response, headers, status);
  if (response === undefined || takeBack !== undefined) return takeBack;
  if (!carriesHeaders(response) || adapter.isHeadersSent(response)) return undefined;
  for (const header of headers) {
    const value = mergeField(header, () => adapter.getHeader?.(response, header.name));
    adapter.setHeader?.(response, header.name, value);
  }
  return undefined;
}
