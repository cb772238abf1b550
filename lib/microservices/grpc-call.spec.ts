import { EventEmitter } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { createMetadata, endStream, type GrpcCall, grpcCallOf, isStream, ownCallOf } from './grpc-call.js';

/** Has what is used of a call of the package @grpc/grpc-js. */
const createCall = (): GrpcCall =>
  Object.assign(new EventEmitter(), {
    metadata: new Metadata(),
    getPath: () => '/ledger.Ledger/Read',
  }) as GrpcCall;

/** What JSON or another transport may bring, and what lacks one of the parts of a call. */
const OTHERS: readonly unknown[] = [
  undefined,
  null,
  'call',
  {},
  new Metadata(),
  { metadata: { get: 'get' }, getPath: 'path' },
  { metadata: new Metadata(), getPath: 'path' },
  { metadata: new Metadata() },
  { metadata: undefined, getPath: () => '/' },
  { metadata: null, getPath: () => '/' },
  { metadata: { get: 'get' }, getPath: () => '/' },
];

describe('a call of gRPC (J3)', () => {
  test('is found wherever it stands among the arguments', () => {
    const call = createCall();
    for (const args of [[call], [{ name: 'a' }, new Metadata(), call], [call, () => undefined]])
      expect(grpcCallOf(args)).toBe(call);
    expect(grpcCallOf(OTHERS)).toBeUndefined();
  });

  test('belongs to a handler that answers by itself if it stands first', () => {
    const call = createCall();
    const answer = () => undefined;
    expect(ownCallOf([call, answer])).toEqual({ call, answer });
    expect(ownCallOf([call])).toEqual({ call, answer: undefined });
    expect(ownCallOf([call, 'answer'])).toEqual({ call, answer: undefined });
    for (const other of OTHERS) expect(ownCallOf([other, call])).toBeUndefined();
  });

  test('is a stream if it can be piped', () => {
    expect(isStream(createCall())).toBe(false);
    expect(isStream(Object.assign(createCall(), { pipe: () => undefined }))).toBe(true);
    expect(isStream(Object.assign(createCall(), { pipe: true }))).toBe(false);
  });

  test('gets new, empty metadata of the package of its own', () => {
    const call = createCall();
    call.metadata.set('dpop', 'proof');
    const metadata = createMetadata(call);
    expect(metadata).toBeInstanceOf(Metadata);
    expect(metadata.get('dpop')).toStrictEqual([]);
  });

  test('ends with the status, and is cancelled for Nest', () => {
    const call = createCall();
    const events: unknown[] = [];
    for (const name of ['error', 'cancelled'])
      (call as unknown as EventEmitter).on(name, (value) => events.push([name, value]));
    const status = { code: 16 };
    endStream(call, status);
    expect(events).toEqual([
      ['error', status],
      ['cancelled', 'cancelled'],
    ]);
  });
});
