import { HttpException } from '@nestjs/common';
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
  assertBodyHeaders(message);
  const octets = octetsOf(body) ?? (await readStream(isStream(body) ? body : message));
  if (octets.length > MAX_BODY_BYTES) throw new SecurityEventError('size');
  return octets.toString('latin1');
}

/**
 * What a body is refused for that a parser in front of the receiver could not read; `undefined` if the error is not about
 * the body. The receiver decides by the request, as if it had come first.
 */
export function explainParserError(
  error: unknown,
  message: Pick<IncomingMessage, 'headers'>,
): SecurityEventError | DpopUnavailableError | undefined {
  // What a middleware of the app threw.
  if (error instanceof HttpException) return undefined;
  const { status, statusCode = status, type, code, name } = isObject(error) ? error : {};
  if (statusCode !== 400 && statusCode !== 413 && statusCode !== 415) return undefined;
  try {
    assertBodyHeaders(message);
  } catch (refusal) {
    return refusal as SecurityEventError;
  }
  if (statusCode === 413) return new SecurityEventError('size');
  if (statusCode === 415) return wrongContentType();
  return [type, code, name].some((word) => JSON_ERRORS.has(word))
    ? takenBody()
    : new SecurityEventError('body');
}

/** How the JSON parsers of Express and Fastify name a body that is no JSON. */
const JSON_ERRORS: ReadonlySet<unknown> = new Set([
  'entity.parse.failed',
  'FST_ERR_CTP_INVALID_JSON_BODY',
  'SyntaxError',
]);

function assertBodyHeaders({ headers }: Pick<IncomingMessage, 'headers'>): void {
  const type = headers['content-type']?.replace(/;.*/, '').trim().toLowerCase();
  const { 'content-encoding': encoding = 'identity' } = headers;
  if (type !== MEDIA_TYPE || encoding.toLowerCase() !== 'identity') throw wrongContentType();
  if (Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw new SecurityEventError('size');
}

function wrongContentType(): SecurityEventError {
  return new SecurityEventError('content_type', { expected: [MEDIA_TYPE] });
}

/** What a parser of the app for text or octets has made of the body. */
function octetsOf(body: unknown): Buffer | undefined {
  if (typeof body === 'string') return Buffer.from(body);
  return ArrayBuffer.isView(body) ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : undefined;
}

function isStream(value: unknown): value is Readable {
  return isObject(value) && typeof value['pipe'] === 'function' && typeof value['on'] === 'function';
}

function takenBody(): DpopUnavailableError {
  return new DpopUnavailableError('internal_failure', {
    advice: `a body parser of the app has read the Security Event Token and kept neither text nor octets: let it leave ${MEDIA_TYPE} alone`,
  });
}

function readStream(stream: Readable): Promise<Buffer> {
  if (stream.readableEnded) throw takenBody();
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
