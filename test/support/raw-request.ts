import { connect } from 'node:net';

export type Field = readonly [name: string, value: string];

/** One request, octet for octet: fields in this order, with duplicates, each character one octet (latin1). */
export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  readonly fields?: readonly Field[];
  readonly body?: string;
}

export interface RawResponse {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: string;
  /** Status line, fields and body as they came. */
  readonly text: string;
}

/** Sends a request that no HTTP client would, over a connection of its own. `Host` is up to the caller. */
export function sendRaw(port: number, request: RawRequest): Promise<RawResponse> {
  return sendBytes(port, Buffer.from(formatRequest(request), 'latin1'));
}

/** Sends whatever octets, and reads until the server closes. */
export function sendBytes(port: number, bytes: Uint8Array): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const finish = () => {
      const text = Buffer.concat(chunks).toString('latin1');
      try {
        resolve(parseResponse(text));
      } catch (error) {
        reject(error);
      }
    };
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', finish);
    // A server that refuses early may reset the connection while we are still sending: what it said counts.
    socket.on('error', (error) => (chunks.length > 0 ? finish() : reject(error)));
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')));
  });
}

/** All values of a response field, in order. */
export function valuesOf(response: RawResponse, name: string): readonly string[] {
  return response.fields
    .filter(([field]) => field.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
}

function formatRequest({
  method = 'GET',
  target = '/',
  version = 'HTTP/1.1',
  fields = [],
  body,
}: RawRequest) {
  const framing: Field[] = [
    ['Connection', 'close'],
    ...(body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(body, 'latin1'))] as const]),
  ];
  const lines = [...fields, ...framing].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} ${version}\r\n${lines.join('')}\r\n${body ?? ''}`;
}

function parseResponse(text: string): RawResponse {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1];
  if (end === -1 || status === undefined) throw new Error(`not an HTTP response: ${JSON.stringify(text)}`);
  const fields = lines.map((line): Field => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const response = { status: Number(status), fields, body: text.slice(end + 4), text };
  return valuesOf(response, 'transfer-encoding').includes('chunked')
    ? { ...response, body: joinChunks(response.body) }
    : response;
}

function joinChunks(body: string): string {
  let joined = '';
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (lineEnd === -1 || !(size > 0)) return joined;
    joined += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
