import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ForbiddenException, Injectable } from '@nestjs/common';
import {
  asMethod,
  contextOf,
  GrpcCall,
  MessageScene,
  OrdersGuard,
} from '../../test/support/message-scene.js';
import { RevocationChecker } from '../revocation/revocation.checker.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { createTestVerdict } from '../testing/index.js';
import { leaveVerdict } from '../verification/request-record.js';

let scene: MessageScene;

beforeAll(async () => {
  scene = await MessageScene.create();
});

beforeEach(() => scene.begin());

afterEach(() => scene.end());

describe('a call whose handler answers by itself (J3)', () => {
  /** Refuses what has been verified, in the words of the app. */
  @Injectable()
  class RefusingGuard extends OrdersGuard {
    override handleRequest(): never {
      throw new ForbiddenException('secret');
    }
  }

  /** Whether a promise has settled after all that can happen now. */
  const hasSettled = async (promise: Promise<unknown>): Promise<boolean> => {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await new Promise((resolve) => setImmediate(resolve));
    return isSettled;
  };

  function createAnswer(): [Promise<unknown>, (status: unknown) => void] {
    let answer: (status: unknown) => void = () => undefined;
    const answered = new Promise((resolve) => {
      answer = resolve;
    });
    return [answered, answer];
  }

  test('ends with the status, and neither the handler nor a rejection comes about', async () => {
    const { guard } = await scene.createApp();
    const call = new GrpcCall();
    const ended = new Promise((resolve) => call.once('cancelled', resolve));
    const guarded = guard.canActivate(contextOf('rpc', [call]));
    await Promise.race([ended, guarded]);
    expect(await hasSettled(guarded)).toBe(false);
    expect(call.events).toEqual([
      ['error', expect.objectContaining({ code: 16 })],
      ['cancelled', 'cancelled'],
    ]);
  });

  test('with one message is answered with the status', async () => {
    const { guard } = await scene.createApp();
    const call = new GrpcCall();
    const [answered, answer] = createAnswer();
    const guarded = guard.canActivate(contextOf('rpc', [call, answer]));
    expect(await Promise.race([answered, guarded])).toMatchObject({
      code: 16,
      metadata: expect.any(Metadata),
    });
    expect(await hasSettled(guarded)).toBe(false);
    expect(call.events).toStrictEqual([]);
  });

  test('is told of a refusal by the app, whose text is not for clients', async () => {
    const { guard } = await scene.createApp({ guard: RefusingGuard });
    const call = await scene.callWith();
    const [answered, answer] = createAnswer();
    const guarded = guard.canActivate(contextOf('rpc', [call, answer]));
    expect(await Promise.race([answered, guarded])).toEqual({ code: 2, details: 'The call was refused' });
  });

  test('is let in with a token and a proof', async () => {
    const { guard } = await scene.createApp();
    const call = await scene.callWith();
    expect(await guard.canActivate(contextOf('rpc', [call, () => undefined]))).toBe(true);
    expect(call.events).toStrictEqual([]);
  });
});

describe('a stream of gRPC (J1)', () => {
  test('ends when its token expires', async () => {
    const { app, guard } = await scene.createApp();
    const call = await scene.streamWith();
    expect(await guard.canActivate(asMethod(call))).toBe(true);
    expect(call.events).toStrictEqual([]);
    scene.endToken(app);
    expect(call.events).toEqual([
      [
        'error',
        expect.objectContaining({ code: 16, details: 'invalid_token: The access token has expired' }),
      ],
      ['cancelled', 'cancelled'],
    ]);
  });

  test('ends when its token is revoked, and when revocation cannot be asked for long', async () => {
    let answer: () => boolean = () => false;
    class Checker extends RevocationChecker {
      override isRevoked(): boolean {
        return answer();
      }
    }
    const down = () => {
      throw new Error('down');
    };
    const endsOf = async (next: () => boolean): Promise<unknown> => {
      answer = () => false;
      const { app, guard } = await scene.createApp({ dpop: { revocation: new Checker() } });
      const call = await scene.streamWith();
      expect(await guard.canActivate(asMethod(call))).toBe(true);
      answer = next;
      for (let i = 0; i < 20; i += 1) {
        app.get(DpopSessions).tick();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return call.events[0]?.[1];
    };
    expect(await endsOf(() => true)).toMatchObject({
      code: 16,
      details: 'invalid_token: The access token has been revoked',
    });
    expect(await endsOf(down)).toMatchObject({
      code: 14,
      details: 'temporarily_unavailable: The request cannot be verified at the moment',
    });
  });

  test.each(['close', 'cancelled', 'finish'])('that has ended by "%s" is left alone', async (event) => {
    const { app, guard } = await scene.createApp();
    const call = await scene.streamWith();
    await guard.canActivate(asMethod(call));
    call.emit(event);
    call.events.length = 0;
    scene.endToken(app);
    expect(call.events).toStrictEqual([]);
  });

  test('goes on where the service only reports (K1)', async () => {
    const { app, guard } = await scene.createApp({ dpop: { enforcement: 'report' } });
    const calls = [await scene.streamWith(), Object.assign(new GrpcCall(), { pipe: () => undefined })];
    for (const call of calls) expect(await guard.canActivate(asMethod(call))).toBe(true);
    scene.endToken(app);
    for (const call of calls) expect(call.events).toStrictEqual([]);
  });

  test('of nobody goes on (K2)', async () => {
    const { app, guard } = await scene.createApp();
    const call = Object.assign(new GrpcCall(), { pipe: () => undefined });
    expect(await guard.canActivate(asMethod(call, 'anonymous'))).toBe(true);
    scene.endToken(app);
    expect(call.events).toStrictEqual([]);
  });

  test('is what ends: a call with one message each is left alone, as is an open one', async () => {
    const { app, guard } = await scene.createApp();
    const [unary, open] = [await scene.callWith(), await scene.streamWith()];
    await guard.canActivate(asMethod(unary));
    // Another guard may have verified it.
    leaveVerdict(open, createTestVerdict({ claims: { exp: scene.clock.ms / 1000 } }));
    expect(await guard.canActivate(asMethod(open, 'open'))).toBe(true);
    scene.endToken(app);
    expect([unary.events, open.events]).toEqual([[], []]);
    expect(unary.listenerCount('close')).toBe(0);
  });
});
