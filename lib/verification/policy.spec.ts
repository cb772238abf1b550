import { describe, expect, test } from '@jest/globals';
import { isReportOnly, permitsBearer, permitsTicket } from './policy.js';

const policy = { nonce: 'off', bearer: 'reject' } as const;

describe('what a policy permits', () => {
  test('is Bearer if the service does not forbid it (B5)', () => {
    const allowing = { ...policy, bearer: 'allow-unbound' } as const;
    expect(permitsBearer(allowing, { forbidsBearer: false })).toBe(true);
    expect(permitsBearer(allowing, { forbidsBearer: true })).toBe(false);
    expect(permitsBearer(policy, { forbidsBearer: false })).toBe(false);
  });

  test('is a ticket if the service does not forbid it (J2)', () => {
    const allowing = { ...policy, ticket: 'allow' } as const;
    expect(permitsTicket(allowing, { forbidsTickets: false })).toBe(true);
    expect(permitsTicket(allowing, { forbidsTickets: true })).toBe(false);
    expect(permitsTicket({ ...policy, ticket: 'reject' }, { forbidsTickets: false })).toBe(false);
    expect(permitsTicket(policy, { forbidsTickets: false })).toBe(false);
  });

  test('is everything where it only reports (K1)', () => {
    expect(isReportOnly({ ...policy, enforcement: 'report' })).toBe(true);
    expect(isReportOnly({ ...policy, enforcement: 'enforce' })).toBe(false);
    expect(isReportOnly(policy)).toBe(false);
  });
});
