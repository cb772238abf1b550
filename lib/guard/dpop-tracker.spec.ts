import { describe, expect, test } from '@jest/globals';
import { leaveVerdict } from '../verification/request-record.js';
import { createVerdict } from '../verification/verdict.js';
import { dpopTracker } from './dpop-tracker.js';

function verified(jkt: string | undefined, ip: string): object {
  const request = { ip };
  leaveVerdict(request, createVerdict('DPoP', 'token', { sub: 'user' }, jkt));
  return request;
}

describe('whom the throttler counts (D6)', () => {
  test('is the key that the client has proved to hold, wherever it comes from', () => {
    expect(dpopTracker(verified('thumbprint', '192.0.2.1'))).toBe('dpop:thumbprint');
    expect(dpopTracker(verified('thumbprint', '192.0.2.2'))).toBe('dpop:thumbprint');
  });

  test('is the network of a request without a key', () => {
    expect(dpopTracker({ ip: '192.0.2.1' })).toBe('network:192.0.2.1');
    expect(dpopTracker({ ip: '2001:db8:0:1::5' })).toBe('network:2001:db8:0:1::/64');
    expect(dpopTracker(verified(undefined, '192.0.2.1'))).toBe('network:192.0.2.1');
  });

  test.each([[{}], [{ ip: 5 }], [undefined]])('is one and the same without an address: %p', (request) => {
    expect(dpopTracker(request as object)).toBe('network:unknown');
  });
});
