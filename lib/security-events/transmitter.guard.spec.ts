import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, test } from '@jest/globals';
import { digestOf, type ReceiverConfig } from './receiver-config.js';
import type { SecurityEventError } from './security-event.error.js';
import type { SecurityEventReceiver } from './security-event.receiver.js';
import { isAuthorized, TransmitterGuard } from './transmitter.guard.js';

const configOf = (...values: string[]) =>
  ({ authorizations: values.map(digestOf) }) as unknown as ReceiverConfig;
const request = (authorization?: string) => ({
  headers: authorization === undefined ? {} : { authorization },
});

describe('the Authorization of a transmitter (B9)', () => {
  test('is one of the configured values, character by character', () => {
    const config = configOf('Bearer a', 'Bearer b');
    expect(['Bearer a', 'Bearer b'].every((value) => isAuthorized(request(value), config))).toBe(true);
    for (const value of [undefined, '', 'Bearer c', 'bearer a', 'Bearer a ', 'undefined'])
      expect(isAuthorized(request(value), config)).toBe(false);
  });

  test('is an empty one where it is missing, and does not matter where none is configured', () => {
    expect(isAuthorized(request(), configOf(''))).toBe(true);
    expect(isAuthorized(request(), configOf())).toBe(true);
    expect(isAuthorized(request('x'), configOf())).toBe(true);
  });

  test('lets a request pass, or refuses it and tells the operator', () => {
    const told: SecurityEventError[] = [];
    const receiver = { refuse: (error: SecurityEventError) => (told.push(error), error) };
    const guard = new TransmitterGuard(configOf('Bearer a'), receiver as unknown as SecurityEventReceiver);
    const contextOf = (authorization: string) =>
      ({
        switchToHttp: () => ({ getRequest: () => request(authorization) }),
      }) as unknown as ExecutionContext;
    expect(guard.canActivate(contextOf('Bearer a'))).toBe(true);
    expect(told).toStrictEqual([]);
    expect(() => guard.canActivate(contextOf('Bearer b'))).toThrow(
      expect.objectContaining({ reason: 'authorization' }),
    );
    expect(told).toHaveLength(1);
  });
});
