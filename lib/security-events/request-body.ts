import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { isObject } from '../http/is-object.js';
import { SecurityEventError } from './security-event.error.js';

/** The content type of a Security Event Token (RFC 8417 §7.2). */
export const MEDIA_TYPE = 'application/secevent+jwt';

/** A Security Event Token has one or two kilobytes. */
const MAX_BODY_BYTES = 65_536;

/** A request of Express, which is a message of Node, or one of Fastify, which has it as `raw`. */
type PlatformRequest = IncomingMessage & { readonly raw?: IncomingMessage; readonly body?: unknown };

/**
 * The body of a request with a Security Event Token: from the stream, or from the body parser of the app that has read it.
 * One character per octet.
 *
 * @throws SecurityEventError for another content type, and for a body that is too large or incomplete
 * @throws DpopUnavailableError when a parser of the app has read the body and kept no text
 * @see RFC 8935 §2.1
 */
export async function readBody(request: object): Promise<string> {
  const { raw, body } = request as PlatformRequest;
  const message = raw ?? (request as IncomingMessage);
  assertContentType(message);
  if (Number(message.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw new SecurityEventError('size');
  const octets = octetsOf(body) ?? (await readStream(isStream(body) ? body : message));
  if (octets.length > MAX_BODY_BYTES) throw new SecurityEventError('size');
  return octets.toString('latin1');
}

function assertContentType({ headers }: IncomingMessage): void {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1);
  const { 'content-encoding': encoding = 'identity' } = headers;
  if (type.trim().toLowerCase() === MEDIA_TYPE && encoding.toLowerCase() === 'identity') return;
  throw new SecurityEventError('content_type', [MEDIA_TYPE]);
}

/** What a parser of the app for text or octets has made of the body. */
function octetsOf(body: unknown): Buffer | undefined {
  if (typeof body === 'string') return Buffer.from(body);
  return ArrayBuffer.isView(body) ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : undefined;
}

function isStream(value: unknown): value is Readable {
  return isObject(value) && typeof value['pipe'] === 'function' && typeof value['on'] === 'function';
}

function readStream(stream: Readable): Promise<Buffer> {
  if (stream.readableEnded) {
    throw new DpopUnavailableError('internal_failure', {
      advice: `a body parser of the app has read the Security Event Token and kept neither text nor octets: let it leave ${MEDIA_TYPE} alone`,
    });
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer | string): void => {
      chunks.push(Buffer.from(chunk as string));
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) return;
      // The rest is left to the server, which closes the connection behind the answer.
      stream.off('data', onData).pause();
      reject(new SecurityEventError('size'));
    };
    const onEarlyEnd = (): void => reject(new SecurityEventError('body'));
    stream
      .on('data', onData)
      .once('end', () => resolve(Buffer.concat(chunks)))
      .once('error', onEarlyEnd)
      .once('close', onEarlyEnd);
  });
}
