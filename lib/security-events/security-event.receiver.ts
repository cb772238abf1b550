import { DpopUnavailableError } from '../errors/dpop.error.js';
import { parseCompactJws } from '../jws/compact-jws.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import { BoundedCache } from '../runtime/bounded-cache.js';
import { DeadlineError, Deadlines } from '../runtime/deadlines.js';
import { entriesOf } from './event-entries.js';
import { endedStreamStatus, isAddedCredential, meaningOf } from './event-types.js';
import { digestOf, type ReceiverConfig } from './receiver-config.js';
import { ReceiverLog, type WriteLine } from './receiver-log.js';
import { SecurityEventError } from './security-event.error.js';
import type { SecurityEventToken } from './security-event-token.js';
import { knownFormatOf } from './subject-identifiers.js';
import { type PresentedEventToken, Transmitter } from './transmitter.js';

const TYP = 'secevent+jwt';
/** Applying an event a second time changes nothing, so that a forgotten token does no harm. */
const REMEMBERED_TOKENS = { maxEntries: 10_000, maxBytes: Infinity };
/** For all that one token needs of the app: its resolver, and the deny-list. */
const DEADLINE_MS = 5000;

/** Verifies Security Event Tokens, and enters what they revoke in the deny-list. */
export class SecurityEventReceiver {
  readonly #transmitters: ReadonlyMap<string, Transmitter>;
  readonly #config: ReceiverConfig;
  readonly #log: ReceiverLog;
  readonly #applied = new BoundedCache<true>(REMEMBERED_TOKENS);
  readonly #deadlines = new Deadlines(DEADLINE_MS);

  constructor(config: ReceiverConfig, write: WriteLine) {
    const { transmitters, clock } = config;
    this.#config = config;
    this.#log = new ReceiverLog(write, clock);
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
      await this.#apply(await transmitter.verify(presented), transmitter);
    } catch (thrown) {
      throw this.#explain(thrown, transmitter);
    }
  }

  /** Tells the operator of an error. */
  refuse(error: SecurityEventError): SecurityEventError {
    this.#log.refused(error, undefined);
    return error;
  }

  #transmitterOf({ claims: { iss } }: PresentedEventToken): Transmitter {
    const transmitter = typeof iss === 'string' ? this.#transmitters.get(iss) : undefined;
    if (transmitter === undefined) throw new SecurityEventError('issuer', [...this.#transmitters.keys()]);
    return transmitter;
  }

  async #apply(token: SecurityEventToken, transmitter: Transmitter): Promise<void> {
    const { issuer } = transmitter;
    const id = Buffer.from(digestOf(JSON.stringify([issuer, token.jti]))).toString('base64url');
    if (this.#applied.get(id) === true) return this.#log.debug('acknowledged a repeated token', issuer);
    await this.#deadlines.limit(async () => {
      const entries = await this.#entriesOf(token, transmitter);
      for (const entry of entries) await this.#revoke(entry);
      this.#log.debug(`applied a Security Event Token: ${entries.length} entries`, issuer);
    });
    this.#applied.set(id, true, 0);
  }

  /** Of all events of a token, before any of them is applied. */
  async #entriesOf(token: SecurityEventToken, transmitter: Transmitter): Promise<readonly RevocationEntry[]> {
    const entries: RevocationEntry[] = [];
    for (const [type, payload] of token.events) {
      const meaning = meaningOf(type);
      const status = meaning === 'stream' ? endedStreamStatus(type, payload) : undefined;
      if (status !== undefined) this.#log.streamEnded(status, transmitter.issuer);
      if (meaning === undefined || meaning === 'stream' || isAddedCredential(type, payload)) {
        this.#log.debug(
          `acknowledged an event that ${meaning === undefined ? 'is not known' : 'revokes nothing'}`,
          transmitter.issuer,
        );
        continue;
      }
      const found = await entriesOf({ type, meaning, payload }, token, transmitter);
      if (found.entries.length === 0 && !found.isResolved) {
        this.#log.notApplied(type, knownFormatOf(found.subject), transmitter.issuer);
      }
      entries.push(...found.entries);
    }
    return entries;
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

  #explain(thrown: unknown, transmitter: Transmitter | undefined): SecurityEventError | DpopUnavailableError {
    if (thrown instanceof SecurityEventError) {
      this.#log.refused(thrown, transmitter?.issuer);
      return thrown;
    }
    const error =
      thrown instanceof DpopUnavailableError
        ? thrown
        : new DpopUnavailableError('internal_failure', {
            cause: thrown,
            ...(thrown instanceof DeadlineError && {
              advice: `resolveSubject and the deny-list did not answer within ${DEADLINE_MS} ms`,
            }),
          });
    this.#log.failed(error, transmitter?.issuer);
    return error;
  }
}

/** @throws SecurityEventError for a body that is not a Security Event Token in compact form */
function parsePresented(text: string): PresentedEventToken {
  const jws = parseCompactJws(text);
  const header = jws && parseJsonSegment(jws.header);
  const claims = jws && parseJsonSegment(jws.payload);
  if (jws === undefined || header === undefined || claims === undefined) throw new SecurityEventError('form');
  // §2.3 of RFC 8417: no other kind of token of the issuer is taken for one.
  if (header['typ'] !== TYP) throw new SecurityEventError('typ', [TYP]);
  return { jws, header, claims };
}
