const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/';

/**
 * What an event is about: `session` ends sessions, `subject` ends everything that a subject had, and `stream` is about the
 * delivery of events.
 */
export type EventMeaning = 'session' | 'subject' | 'stream';

const MEANINGS: ReadonlyMap<string, EventMeaning> = new Map([
  [`${CAEP}session-revoked`, 'session'],
  [`${CAEP}credential-change`, 'subject'],
  [`${RISC}sessions-revoked`, 'subject'],
  [`${RISC}account-disabled`, 'subject'],
  [`${RISC}account-purged`, 'subject'],
  [`${RISC}account-credential-change-required`, 'subject'],
  [`${RISC}credential-compromise`, 'subject'],
  // The Shared Signals Framework was called SSE in its drafts, and the verification event was part of RISC before.
  ...['ssf', 'sse'].flatMap((framework) =>
    ['verification', 'stream-updated'].map(
      (name) => [`https://schemas.openid.net/secevent/${framework}/event-type/${name}`, 'stream'] as const,
    ),
  ),
  [`${RISC}verification`, 'stream'],
]);

/** `undefined` for an event type that the service does not know. */
export function meaningOf(type: string): EventMeaning | undefined {
  return MEANINGS.get(type);
}

/** Whether a user merely added a credential (CAEP 1.0 §3.3). Old tokens are as good as before. */
export function isAddedCredential(type: string, event: Readonly<Record<string, unknown>>): boolean {
  return type === `${CAEP}credential-change` && event['change_type'] === 'create';
}

/** Whether no more events will come: the stream is `paused` or `disabled` (SSF 1.0 §8.1.5). */
export function endedStreamStatus(
  type: string,
  { status }: Readonly<Record<string, unknown>>,
): 'paused' | 'disabled' | undefined {
  if (!type.endsWith('/stream-updated')) return undefined;
  return status === 'paused' || status === 'disabled' ? status : undefined;
}

/** For the operator: an event about the stream that needs nothing done. */
export function describeStreamEvent(type: string): string {
  return type.endsWith('/verification')
    ? 'received a verification event: Security Event Tokens of the transmitter arrive and are accepted'
    : 'received an event about the stream: the transmitter has updated it, and goes on sending';
}
