import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { BadRequestException } from '@nestjs/common';
import { describe, expect, test } from '@jest/globals';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { explainParserError, MEDIA_TYPE, readBody } from './request-body.js';

const TAKEN = {
  name: 'DpopUnavailableError',
  reason: 'internal_failure',
  advice:
    'a body parser of the app has read the Security Event Token and kept neither text nor octets: let it leave application/secevent+jwt alone',
};
const refusal = (reason: string, details: object = {}) => ({ name: 'SecurityEventError', reason, details });
const WRONG_TYPE = refusal('content_type', { expected: [MEDIA_TYPE] });

type Chunk = string | Uint8Array;

/** A message of Node, as far as the body is concerned. */
function messageOf(
  chunks: Iterable<Chunk> | undefined,
  headers: object = { 'content-type': MEDIA_TYPE },
): Readable {
  const stream = chunks === undefined ? new Readable({ read: () => undefined }) : Readable.from(chunks);
  return Object.assign(stream, { headers });
}

async function ended(): Promise<Readable> {
  const stream = messageOf(['x']);
  await new Promise((resolve) => stream.once('end', resolve).resume());
  return stream;
}

describe('the body of a request (B9)', () => {
  test('is read from the stream of Express, of Fastify, and of a parser of Fastify that passes it on', async () => {
    expect(await readBody(messageOf(['a.', Buffer.from('b.c')]))).toBe('a.b.c');
    expect(await readBody({ raw: messageOf(['a.b.c']) })).toBe('a.b.c');
    expect(await readBody({ raw: messageOf([]), body: messageOf(['a', '.b']) })).toBe('a.b');
    expect(await readBody(messageOf([]))).toBe('');
  });

  test.each<[string, unknown]>([
    ['a text', 'a.b'],
    ['octets', Buffer.from('a.b')],
    ['a view of octets', new Uint8Array(Buffer.from('xa.bx')).subarray(1, 4)],
  ])('is what a parser of the app made of it: %s', async (_what, body) => {
    expect(await readBody({ raw: messageOf(['unread']), body })).toBe('a.b');
  });

  test.each<[string, unknown]>([
    ['an object', { pipe: 'x', on: 'y' }],
    ['an object with one method of a stream', { pipe: () => undefined }],
    ['an object with the other', { on: () => undefined }],
    ['nothing', null],
  ])('is the stream where the parser left %s', async (_what, body) => {
    expect(await readBody(Object.assign(messageOf(['a.b']), { body }))).toBe('a.b');
  });

  test('has one character for each octet', async () => {
    expect(await readBody(messageOf([Buffer.from([0x61, 0xff])]))).toBe('a\xff');
    expect(await readBody({ raw: messageOf([]), body: 'é' })).toBe('\xc3\xa9');
  });

  test('is a failure of the service if the app has read it and kept nothing', async () => {
    const reading = readBody(await ended());
    await expect(reading).rejects.toBeInstanceOf(DpopUnavailableError);
    await expect(reading).rejects.toMatchObject(TAKEN);
  });

  test.each<[string, object]>([
    ['capitals', { 'content-type': 'Application/SecEvent+JWT' }],
    ['a parameter and blanks', { 'content-type': ` ${MEDIA_TYPE} ; charset=utf-8` }],
    ['identity', { 'content-type': MEDIA_TYPE, 'content-encoding': 'Identity' }],
    ['its largest length', { 'content-type': MEDIA_TYPE, 'content-length': '65536' }],
  ])('may have a content type in %s', async (_what, headers) => {
    expect(await readBody(messageOf(['x'], headers))).toBe('x');
  });

  test.each<[object, object]>([
    [{}, WRONG_TYPE],
    [{ 'content-type': '' }, WRONG_TYPE],
    [{ 'content-type': `${MEDIA_TYPE}2` }, WRONG_TYPE],
    [{ 'content-type': `x; ${MEDIA_TYPE}` }, WRONG_TYPE],
    [{ 'content-type': MEDIA_TYPE, 'content-encoding': 'gzip' }, WRONG_TYPE],
    [{ 'content-type': MEDIA_TYPE, 'content-length': '65537' }, refusal('size')],
  ])('is refused with %j', async (headers, error) => {
    await expect(readBody(messageOf(['x'], headers))).rejects.toMatchObject(error);
  });

  test('is refused for its size, wherever it comes from, and before its end', async () => {
    const large = 'x'.repeat(65_536);
    expect(await readBody(messageOf([large]))).toHaveLength(65_536);
    expect(await readBody({ raw: messageOf([]), body: large })).toHaveLength(65_536);
    await expect(readBody({ raw: messageOf([]), body: `${large}x` })).rejects.toMatchObject(refusal('size'));
    const endless = messageOf(undefined);
    const reading = readBody(endless);
    endless.push(large);
    endless.push('x');
    await expect(reading).rejects.toMatchObject(refusal('size'));
    expect(endless.isPaused()).toBe(true);
    expect(endless.listenerCount('data')).toBe(0);
  });

  test.each<[string, (stream: Readable) => unknown]>([
    ['an error', (stream) => stream.emit('error', new Error('reset'))],
    ['a close', (stream) => stream.emit('close')],
  ])('is incomplete with %s before its end', async (_what, end) => {
    const stream = messageOf(undefined);
    const reading = readBody(stream);
    end(stream);
    await expect(reading).rejects.toMatchObject(refusal('body'));
  });
});

describe('a body that a parser of the app could not read (B9, D5)', () => {
  const GOOD = { 'content-type': MEDIA_TYPE };
  const explain = (error: unknown, headers: IncomingHttpHeaders = GOOD) =>
    explainParserError(error, { headers });
  const thrown = (members: object, error = new Error('sent')) => Object.assign(error, members);

  test.each([400, 413, 415])('is told by its content type first: %d', (status) => {
    const json = { 'content-type': 'application/json' };
    expect(explain(thrown({ status }), json)).toMatchObject(WRONG_TYPE);
    expect(explain(thrown({ statusCode: status }), json)).toMatchObject(WRONG_TYPE);
    expect(explain(thrown({ status }), { ...GOOD, 'content-length': '65537' })).toMatchObject(
      refusal('size'),
    );
  });

  test.each<[object, object]>([
    [{ status: 413 }, refusal('size')],
    [{ statusCode: 413, status: 400 }, refusal('size')],
    [{ status: 415 }, WRONG_TYPE],
    [{ status: 400 }, refusal('body')],
    [{ status: 400, type: 'request.aborted' }, refusal('body')],
    [{ status: 400, type: 'entity.parse.failed' }, TAKEN],
    [{ statusCode: 400, code: 'FST_ERR_CTP_INVALID_JSON_BODY' }, TAKEN],
    [{ status: 400, name: 'SyntaxError' }, TAKEN],
  ])('is told by the error of the parser: %j', (members, error) => {
    expect(explain(thrown(members))).toMatchObject(error);
  });

  test.each<[string, unknown]>([
    ['of another status', thrown({ status: 429 })],
    ['of no status', new Error('x')],
    ['of the app', new BadRequestException()],
    ['that is a text', 'x'],
    ['that is nothing', null],
  ])('is not what an error %s is about', (_what, error) => {
    expect(explain(error)).toBeUndefined();
  });
});
