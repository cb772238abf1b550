import { describe, expect, test } from '@jest/globals';
import { describeStreamEvent, endedStreamStatus, isAddedCredential, meaningOf } from './event-types.js';

const BASE = 'https://schemas.openid.net/secevent';

describe('what an event is about (B9)', () => {
  test.each([
    ['caep/event-type/session-revoked', 'session'],
    ['caep/event-type/credential-change', 'subject'],
    ['risc/event-type/sessions-revoked', 'subject'],
    ['risc/event-type/account-disabled', 'subject'],
    ['risc/event-type/account-purged', 'subject'],
    ['risc/event-type/account-credential-change-required', 'subject'],
    ['risc/event-type/credential-compromise', 'subject'],
    ['risc/event-type/verification', 'stream'],
    ['ssf/event-type/verification', 'stream'],
    ['ssf/event-type/stream-updated', 'stream'],
    ['sse/event-type/verification', 'stream'],
    ['sse/event-type/stream-updated', 'stream'],
    ['caep/event-type/token-claims-change', undefined],
  ])('%s: %s', (path, meaning) => {
    expect(meaningOf(`${BASE}/${path}`)).toBe(meaning);
  });

  test('a credential that was added is no change of others', () => {
    const change = `${BASE}/caep/event-type/credential-change`;
    expect(isAddedCredential(change, { change_type: 'create' })).toBe(true);
    expect(isAddedCredential(change, { change_type: 'revoke' })).toBe(false);
    expect(isAddedCredential(`${BASE}/risc/event-type/account-purged`, { change_type: 'create' })).toBe(
      false,
    );
  });

  test.each([
    ['paused', 'paused'],
    ['disabled', 'disabled'],
    ['enabled', undefined],
    [undefined, undefined],
  ])('a stream that is %s has ended as %s', (status, ended) => {
    expect(endedStreamStatus(`${BASE}/ssf/event-type/stream-updated`, { status })).toBe(ended);
    expect(endedStreamStatus(`${BASE}/ssf/event-type/verification`, { status })).toBeUndefined();
  });

  test('is told of a stream', () => {
    expect(describeStreamEvent(`${BASE}/ssf/event-type/verification`)).toBe(
      'received a verification event: Security Event Tokens of the transmitter arrive and are accepted',
    );
    expect(describeStreamEvent(`${BASE}/ssf/event-type/stream-updated`)).toBe(
      'received an event about the stream: the transmitter has updated it, and goes on sending',
    );
  });
});
