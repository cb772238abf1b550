import { DpopUnavailableError } from '../errors/dpop.error.js';
import { parseCompactJws } from '../jws/compact-jws.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { DeadlineError, Deadlines } from '../runtime/deadlines.js';
import { AppliedEvents } from './applied-events.js';
import type { ReceiverConfig } from './receiver-config.js';
import { ReceiverLog, type WriteLine } from './receiver-log.js';
import { RememberedTokens } from './remembered-tokens.js';
import { SecurityEventError } from './security-event.error.js';
import type { SecurityEventToken } from './security-event-token.js';
import { type PresentedEventToken, Transmitter } from './transmitter.js';

const TYP = 'secevent+jwt';
/** For all that one token needs of the app: its resolver, and the deny-list. */
const DEADLINE_MS = 5000;

/** Verifies Security Event Tokens, and enters what they revoke in the deny-list. */
export class SecurityEventReceiver {
  readonly #transmitters: ReadonlyMap<string, Transmitter>;
  readonly #config: ReceiverConfig;
  readonly #log: ReceiverLog;
  readonly #events: AppliedEvents;
  readonly #applied = new RememberedTokens();
  readonly #deadlines = new Deadlines(DEADLINE_MS);

  constructor(config: ReceiverConfig, write: WriteLine) {
    const { transmitters, clock } = config;
    this.#config = config;
    this.#log = new ReceiverLog(write, clock);
    this.#events = new AppliedEvents(config, this.#log);
    this.#transmitters = new Map(
      transmitters.map((options) => [options.issuer, new Transmitter(options, clock)]),
    );
  }

  /** Fetches the keys of the transmitters. Never rejects. */
  async open(warn: (text: string) => void): Promise<void> {
    await Promise.all([...this.#transmitters.values()].map((transmitter) => transmitter.open(warn)));
  }

  close(): void {
    for (const transmitter of this.#transmitters.values()) transmitter.close();
    this.#log.flush();
  }

  /**
   * Applies a Security Event Token. When it returns, the deny-list has what the token revokes.
   *
   * @param readText the body of the request
   * @throws SecurityEventError or DpopUnavailableError, of which the operator has been told
   */
  async receive(readText: () => Promise<string>): Promise<void> {
    let transmitter: Transmitter | undefined;
    try {
      const presented = parsePresented(await readText());
      transmitter = this.#transmitterOf(presented);
      const token = await transmitter.verify(presented);
      await this.#apply(token, presented.jws.payload, transmitter);
    } catch (thrown) {
      if (thrown instanceof SecurityEventError) throw this.refuse(thrown, transmitter?.issuer);
      const error =
        thrown instanceof DpopUnavailableError
          ? thrown
          : new DpopUnavailableError('internal_failure', { cause: thrown });
      throw this.fail(error, transmitter?.issuer);
    }
  }

  /** Tells the operator of a refusal. */
  refuse(error: SecurityEventError, transmitter?: string): SecurityEventError {
    this.#log.refused(error, transmitter);
    return error;
  }

  /** Tells the operator of a failure. */
  fail(error: DpopUnavailableError, transmitter?: string): DpopUnavailableError {
    this.#log.failed(error, transmitter);
    return error;
  }

  #transmitterOf({ claims: { iss } }: PresentedEventToken): Transmitter {
    const transmitter = this.#transmitters.get(iss as string);
    if (transmitter !== undefined) return transmitter;
    throw new SecurityEventError('issuer', { expected: [...this.#transmitters.keys()] });
  }

  async #apply(token: SecurityEventToken, content: string, transmitter: Transmitter): Promise<void> {
    const { issuer } = transmitter;
    const earlier = this.#applied.compare(issuer, token.jti, content);
    if (earlier === 'same') return this.#log.debug('acknowledged a repeated token', issuer);
    if (earlier === 'other') this.#log.otherContent(issuer);
    let awaited = 'resolveSubject';
    try {
      await this.#deadlines.limit(async () => {
        const { entries, summary } = await this.#events.entriesOf(token, transmitter);
        awaited = 'the deny-list';
        for (const entry of entries) await this.#revoke(entry);
        if (summary !== undefined) this.#log.debug(summary, issuer);
      });
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      const advice = `${awaited} did not answer within ${DEADLINE_MS} ms`;
      throw new DpopUnavailableError('internal_failure', { cause: error, advice });
    }
    this.#applied.remember(issuer, token.jti, content);
  }

  async #revoke(entry: RevocationEntry): Promise<void> {
    try {
      await this.#config.denyList.revoke(entry);
    } catch (cause) {
      if (cause instanceof DpopUnavailableError) throw cause;
      const advice = 'the deny-list did not take an entry';
      throw new DpopUnavailableError('revocation_unavailable', { advice, cause });
    }
  }
}

/** @throws SecurityEventError for a body that is not a Security Event Token in compact form */
function parsePresented(text: string): PresentedEventToken {
  const jws = parseCompactJws(text);
  if (jws === undefined) throw new SecurityEventError('form');
  const [header, claims] = [parseJsonSegment(jws.header), parseJsonSegment(jws.payload)];
  if (header === undefined || claims === undefined) throw new SecurityEventError('form');
  // §2.3 of RFC 8417: no other kind of token of the issuer is taken for one.
  if (!isTyp(header['typ'])) throw new SecurityEventError('typ', { expected: [TYP] });
  return { jws, header, claims };
}

/** A media type is written in any case, and with `application/` or without (RFC 7515 §4.1.9). */
function isTyp(typ: unknown): boolean {
  return typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === TYP;
}
