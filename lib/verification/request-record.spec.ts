import { describe, expect, test } from '@jest/globals';
import { channel } from 'node:diagnostics_channel';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { observeRequestLines } from '../http/request-line.js';
import {
  isAnonymous,
  leaveProof,
  leaveVerdict,
  proofOn,
  recordOf,
  responseOf,
  shareRecord,
  verdictOn,
} from './request-record.js';
import type { DpopVerdict } from './verdict.js';

const VERDICT = { jkt: 'thumbprint' } as DpopVerdict;

describe('the record of a request', () => {
  test('is one for all who ask', () => {
    const request = {};
    expect(recordOf(request)).toBe(recordOf(request));
    expect(recordOf({})).not.toBe(recordOf(request));
  });

  test('is nowhere to be seen, on no copy, and on nothing that inherits from the request', () => {
    const request = { method: 'GET' };
    recordOf(request).verdict = VERDICT;
    expect(Reflect.ownKeys(request)).toEqual(['method']);
    expect(verdictOn(request)).toBe(VERDICT);
    expect(verdictOn({ ...request })).toBeUndefined();
    expect(verdictOn(Object.create(request))).toBeUndefined();
    expect(verdictOn(new Proxy(request, {}))).toBeUndefined();
  });

  test('is not made by looking for a verdict, which is not found on what is no object', () => {
    expect([{}, undefined, null, 'text'].map(verdictOn)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('the response to a request (D8)', () => {
  const receive = () => {
    const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/' });
    const response = {};
    channel('http.server.request.start').publish({ request, response });
    return { request, response };
  };

  test('is the one that Node published, also for the request of a framework around it', () => {
    const end = observeRequestLines();
    const { request, response } = receive();
    end();
    expect(responseOf(request)).toBe(response);
    expect(responseOf({ raw: request })).toBe(response);
    expect(responseOf(receive().request)).toBeUndefined();
  });

  test('is rather the one that a guard has found', () => {
    const end = observeRequestLines();
    const { request } = receive();
    end();
    const found = {};
    recordOf(request).response = found;
    expect(responseOf(request)).toBe(found);
  });

  test.each([[{}], [{ raw: {} }], [undefined], ['text']])('is not there for %p', (request) => {
    expect(responseOf(request)).toBeUndefined();
  });
});

describe('what guards leave on a request', () => {
  const enforced = { ...VERDICT, enforced: true } as DpopVerdict;
  const another = { ...VERDICT, enforced: true } as DpopVerdict;
  const reported = { ...VERDICT, enforced: false } as DpopVerdict;
  const bare = (): IncomingMessage => new IncomingMessage(new Socket());

  test('is the last verdict; one that only reports replaces none that enforces (K1)', () => {
    const request = bare();
    leaveVerdict(request, reported);
    expect(verdictOn(request)).toBe(reported);
    leaveVerdict(request, enforced);
    expect(verdictOn(request)).toBe(enforced);
    leaveVerdict(request, reported);
    expect(verdictOn(request)).toBe(enforced);
    leaveVerdict(request, another);
    expect(verdictOn(request)).toBe(another);
  });

  test('is there on the request of Node behind that of the framework, too', () => {
    const raw = bare();
    const request = { raw };
    leaveVerdict(request, enforced);
    expect(verdictOn(raw)).toBe(enforced);
    expect(recordOf(raw)).toBe(recordOf(request));
    leaveVerdict(request, another);
    expect([verdictOn(raw), verdictOn(request)]).toEqual([another, another]);
  });

  test('is there on what stands for a request that has no request of Node, too (J1)', () => {
    const request = {};
    leaveVerdict(request, enforced);
    leaveProof(request, undefined);
    expect(verdictOn(request)).toBe(enforced);
    expect(proofOn(request)).toEqual({ verdict: undefined });
  });

  test('is what a proof told, or that there was none (G)', () => {
    const raw = bare();
    const verdict = { jkt: 'thumbprint' } as never;
    expect(proofOn(raw)).toBeUndefined();
    leaveProof({ raw }, verdict);
    expect(proofOn(raw)).toEqual({ verdict });
    const without = bare();
    leaveProof(without, undefined);
    expect(proofOn(without)).toEqual({ verdict: undefined });
    for (const other of [undefined, null, 'text', {}]) expect(proofOn(other)).toBeUndefined();
  });

  test('is that nobody came with credentials (K2)', () => {
    const request = bare();
    expect(isAnonymous(request)).toBe(false);
    expect(recordOf(request).isAnonymous).toBe(false);
    recordOf(request).isAnonymous = true;
    expect(isAnonymous(request)).toBe(true);
    for (const other of [undefined, null, 'text', {}]) expect(isAnonymous(other)).toBe(false);
  });

  test('is shared with a request that has no record of its own', () => {
    const [raw, request, own] = [bare(), {}, {}];
    leaveVerdict(raw, enforced);
    shareRecord(raw, request);
    expect(verdictOn(request)).toBe(enforced);
    recordOf(own);
    shareRecord(raw, own);
    expect(verdictOn(own)).toBeUndefined();
  });
});
