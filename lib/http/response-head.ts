import { mergeField, type ResponseHeader } from './response-headers.js';

/** The members that are used of Node's response, HTTP/1 or HTTP/2. */
interface NodeResponse {
  readonly headersSent: boolean;
  writeHead(status: number, ...rest: unknown[]): unknown;
  getHeader(name: string): unknown;
  setHeader(name: string, value: unknown): unknown;
  removeHeader(name: string): unknown;
}

/** Headers that are written with the head of a response. */
interface HeldHeaders {
  readonly headers: readonly ResponseHeader[];
  /** The only status with which they are written; `undefined` for any status. */
  readonly status: number | undefined;
}

const HELD = Symbol('nestjs-dpop headers of the response head');

/** These fields override `Cache-Control` in caches of content delivery networks (RFC 9213). */
const OTHER_CACHE_FIELDS = ['CDN-Cache-Control', 'Surrogate-Control'];

/**
 * Keeps headers until the head of the response is written, so that no handler, interceptor or filter can undo them. The
 * headers of a refusal are bound to its status: if another guard accepts the request, the response does not have them.
 *
 * @returns a function that withdraws the headers; `undefined` if the response is not one of Node
 */
export function holdForHead(
  response: object,
  headers: readonly ResponseHeader[],
  status: number | undefined,
): (() => void) | undefined {
  const node = nodeResponseOf(response);
  if (node === undefined) return undefined;
  const held = heldBy(node);
  const item = { headers, status };
  held.add(item);
  return () => held.delete(item);
}

/** Express extends the response of Node, Fastify wraps it. */
export function nodeResponseOf(response: object): NodeResponse | undefined {
  return [response, (response as { raw?: unknown }).raw].find(isNodeResponse);
}

function isNodeResponse(value: unknown): value is NodeResponse {
  const { writeHead, getHeader, setHeader, removeHeader } = (value ?? {}) as Partial<NodeResponse>;
  return [writeHead, getHeader, setHeader, removeHeader].every((method) => typeof method === 'function');
}

function heldBy(response: NodeResponse & { [HELD]?: Set<HeldHeaders> }): Set<HeldHeaders> {
  const present = response[HELD];
  if (present !== undefined) return present;
  const held = new Set<HeldHeaders>();
  Object.defineProperty(response, HELD, { value: held });
  const { writeHead } = response;
  // Node also calls it when a response begins implicitly.
  response.writeHead = (status, ...rest) => {
    const due = [...held].filter((item) => item.status === undefined || item.status === status);
    if (due.length === 0 || response.headersSent) return writeHead.call(response, status, ...rest);
    setGivenHeaders(
      response,
      rest.find((argument) => typeof argument === 'object'),
    );
    for (const { headers } of due) setHeaders(response, headers);
    return writeHead.call(response, status, ...rest.filter((argument) => typeof argument === 'string'));
  };
  return held;
}

/** Sets the headers in the argument of `writeHead`, which override those set before: an object, a flat list, or pairs. */
function setGivenHeaders(response: NodeResponse, given: unknown): void {
  if (!Array.isArray(given)) {
    for (const [name, value] of Object.entries(given ?? {})) response.setHeader(name, value);
    return;
  }
  const fields = new Map<string, { name: string; values: unknown[] }>();
  const flat = Array.isArray(given[0]) ? (given as unknown[][]).flat(1) : (given as unknown[]);
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = String(flat[i]);
    const field = fields.get(name.toLowerCase()) ?? { name, values: [] };
    fields.set(name.toLowerCase(), field);
    field.values.push(flat[i + 1]);
  }
  for (const { name, values } of fields.values()) {
    response.setHeader(name, values.length === 1 ? values[0] : values);
  }
}

function setHeaders(response: NodeResponse, headers: readonly ResponseHeader[]): void {
  for (const header of headers) {
    response.setHeader(
      header.name,
      mergeField(header, () => response.getHeader(header.name)),
    );
  }
  for (const name of OTHER_CACHE_FIELDS) response.removeHeader(name);
}
