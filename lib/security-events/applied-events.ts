import type { RevocationEntry } from '../revocation/deny-list.js';
import { entriesOf, type RevokingEvent } from './event-entries.js';
import { describeStreamEvent, endedStreamStatus, isAddedCredential, meaningOf } from './event-types.js';
import type { ReceiverConfig } from './receiver-config.js';
import type { ReceiverLog } from './receiver-log.js';
import type { SecurityEventToken } from './security-event-token.js';
import type { Transmitter } from './transmitter.js';

/** What the events of a token come to. */
export interface AppliedToken {
  readonly entries: readonly RevocationEntry[];
  /** For the operator, one line however many events there are. */
  readonly summary: string | undefined;
}

/** What the events of a verified token revoke. */
export class AppliedEvents {
  readonly #config: Pick<ReceiverConfig, 'denyList' | 'clock'>;
  readonly #log: ReceiverLog;

  constructor(config: Pick<ReceiverConfig, 'denyList' | 'clock'>, log: ReceiverLog) {
    this.#config = config;
    this.#log = log;
  }

  /**
   * The entries of all events of a token, before any of them is applied.
   *
   * @throws SecurityEventError, or DpopUnavailableError when `resolveSubject` fails
   */
  async entriesOf(token: SecurityEventToken, transmitter: Transmitter): Promise<AppliedToken> {
    const entries: RevocationEntry[] = [];
    let others = 0;
    for (const [type, payload] of token.events) {
      const meaning = meaningOf(type);
      if (meaning === 'stream') this.#tellOfStream(type, payload, transmitter.issuer);
      else if (meaning === undefined || isAddedCredential(type, payload)) others += 1;
      else entries.push(...(await this.#entriesOfEvent({ type, meaning, payload }, token, transmitter)));
    }
    const texts = [
      entries.length > 0 && `entered ${count(entries.length, 'revocation', 'revocations')}`,
      others > 0 && `acknowledged ${count(others, 'event that revokes', 'events that revoke')} nothing`,
    ].filter((text) => text !== false);
    return { entries, summary: texts.length === 0 ? undefined : texts.join(', ') };
  }

  async #entriesOfEvent(
    event: RevokingEvent,
    token: SecurityEventToken,
    { issuer, subjectIssuers, resolveSubject }: Transmitter,
  ): Promise<readonly RevocationEntry[]> {
    const { denyList, clock } = this.#config;
    const nowSeconds = clock() / 1000;
    const { maxTokenLifetimeSeconds = Infinity } = denyList;
    const rules = { issuer, subjectIssuers, resolveSubject, nowSeconds };
    const { entries, unresolved } = await entriesOf(event, token, rules);
    if (unresolved.length > 0) {
      const isPartly = entries.length > 0;
      const lost = { unresolved, isPartly, hasResolver: resolveSubject !== undefined };
      this.#log.notApplied(event.type, lost, issuer);
    }
    if (token.timeOf(event.payload) < nowSeconds - maxTokenLifetimeSeconds) {
      this.#log.tooOld(event.type, maxTokenLifetimeSeconds, issuer);
    }
    return entries;
  }

  #tellOfStream(type: string, payload: Readonly<Record<string, unknown>>, issuer: string): void {
    const status = endedStreamStatus(type, payload);
    if (status === undefined) this.#log.streamEvent(describeStreamEvent(type), issuer);
    else this.#log.streamEnded(status, issuer);
  }
}

function count(number: number, one: string, several: string): string {
  return `${number} ${number === 1 ? one : several}`;
}
