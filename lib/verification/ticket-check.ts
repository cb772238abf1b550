import { hash } from 'node:crypto';
import { confirmSecond } from '../access-token/second-confirmation.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import type { CredentialFields } from '../http/credentials.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { parseRequestPath } from '../http/request-path.js';
import { claimId } from '../storage/claim-id.js';
import type { TimedReplayStore } from '../storage/timed-replay.store.js';
import type { DpopTicket } from '../tickets/ticket-content.js';
import type { OpenedTicket, TicketSeal } from '../tickets/ticket-seal.js';
import { parseTicketPath } from '../tickets/ticket-path.js';
import type { TokenCheck } from './token-check.js';
import { createTicketVerdict, type DpopVerdict } from './verdict.js';
import type { VerificationRules } from './verification-rules.js';

/** Room for everything but the access token, which may double in length at most. */
const MAX_OTHER_CHARACTERS = 8192;

/** The verdict on a request with a ticket, and base64url(SHA-256(token)). */
export interface RedeemedTicket {
  readonly verdict: DpopVerdict;
  readonly ath: string;
}

/** Issues tickets, and lets each open its route once. */
export class TicketCheck {
  readonly #rules: VerificationRules;
  readonly #seal: TicketSeal;
  readonly #tokens: TokenCheck;
  readonly #store: TimedReplayStore;

  constructor(rules: VerificationRules, seal: TicketSeal, tokens: TokenCheck, store: TimedReplayStore) {
    this.#rules = rules;
    this.#tokens = tokens;
    this.#seal = seal;
    this.#store = store;
  }

  /**
   * A ticket for a request that was accepted.
   *
   * @param path of the route that the ticket opens
   * @param signedBaseUrl of the proof; left out for an unbound token, whose ticket names the first origin of the service
   * @throws DpopUnavailableError for a path that no request has, and when the secrets are not available
   */
  async issue(
    verdict: DpopVerdict,
    request: DpopRequest,
    path: string,
    signedBaseUrl?: string,
  ): Promise<DpopTicket> {
    const { scheme, jkt = '', hasNonce, token, claims } = verdict;
    const target = parseTicketPath(path);
    // A ticket of an epoch that is over would be refused.
    await this.#store.refreshEpoch(jkt);
    const [first = ''] = this.#rules.resolveOrigin(request);
    const origin = signedBaseUrl ?? first;
    const lastSeconds = Math.floor(this.#nowSeconds()) + this.#seal.lifetimeSeconds;
    const expiresAtSeconds = Math.floor(Math.min(lastSeconds, claims.exp ?? Infinity));
    const epoch = this.#store.epochOf(jkt);
    const content = { origin, path: target, expiresAtSeconds, scheme, jkt, hasNonce, epoch, token };
    return Object.freeze({ ticket: this.#seal.seal(content), expiresAtSeconds });
  }

  /**
   * Opens the ticket of a request. Whether it was used before is not known yet.
   *
   * @param presented all tickets of the request, at least one
   * @throws DpopError
   */
  open(presented: readonly string[], request: DpopRequest, fields: CredentialFields): OpenedTicket {
    const [text = '', ...others] = presented;
    if (others.length > 0) throw new DpopError('ticket_repeated');
    if (fields.authorizationCount > 0 || fields.dpopCount > 0)
      throw new DpopError('ticket_beside_credentials');
    const maxCharacters = 2 * this.#rules.limits.tokenBytes + MAX_OTHER_CHARACTERS;
    const ticket = text.length > maxCharacters ? undefined : this.#seal.open(text);
    if (ticket === undefined) throw new DpopError('ticket_invalid');
    this.#assertAlive(ticket);
    this.#assertTarget(ticket, request);
    return ticket;
  }

  /**
   * Verifies the access token of the ticket as that of any other request: it may have expired since, or been revoked.
   *
   * @throws DpopError, DpopUnavailableError
   */
  async redeem(ticket: OpenedTicket, request: DpopRequest): Promise<RedeemedTicket> {
    const ath = hash('sha256', ticket.token, 'base64url');
    const { claims, jkt } = await this.#tokens.verify(ticket, ath, request);
    // The issuer may say otherwise now, if it is asked about each token.
    if (jkt !== ticket.jkt) throw new DpopError('ticket_binding');
    if (ticket.scheme === 'Bearer') return { verdict: createTicketVerdict(ticket, claims, undefined), ath };
    await confirmSecond(claims, request, this.#rules.confirmation);
    return { verdict: createTicketVerdict(ticket, claims, jkt), ath };
  }

  /**
   * Spends the ticket. No option accepts one that may have been used before: anyone who reads a ticket can use it.
   *
   * @throws DpopError for a ticket that was used before, or that may have been; DpopUnavailableError when the store fails
   */
  async spend(ticket: OpenedTicket): Promise<void> {
    const { id, jkt, epoch, expiresAtSeconds } = ticket;
    // The clock has gone on since the ticket was opened: the store may have dropped the record of one that has expired.
    this.#assertAlive(ticket);
    const outcome: unknown = await this.#store.claim({
      // An id that no `jti` can take: a thumbprint has 43 characters.
      id: claimId('ticket', id),
      jkt,
      nowSeconds: this.#nowSeconds(),
      proofTimeSeconds: expiresAtSeconds,
      freshUntilSeconds: expiresAtSeconds,
      lifetimeSeconds: this.#maxLifetimeSeconds,
      epoch,
      afterDataLoss: 'refuse',
    });
    if (outcome === 'first') return;
    if (outcome === 'replayed') throw new DpopError('ticket_spent');
    if (outcome === 'unknown') throw new DpopError('ticket_renewal');
    throw new DpopUnavailableError('replay_store_unavailable', {
      advice: 'ReplayStore.claim must answer "first", "replayed" or "unknown"',
    });
  }

  /** The clocks of instances differ, by as much as those of clients may. */
  get #maxLifetimeSeconds(): number {
    return this.#seal.lifetimeSeconds + this.#rules.proof.futureToleranceSeconds;
  }

  #assertAlive({ expiresAtSeconds }: OpenedTicket): void {
    const nowSeconds = this.#nowSeconds();
    const lateSeconds = Math.ceil(nowSeconds - expiresAtSeconds);
    if (nowSeconds >= expiresAtSeconds) throw new DpopError('ticket_expired', { offBySeconds: lateSeconds });
    // It was issued in the future: the clock was set back, and the store may have dropped its record.
    const offBySeconds = Math.ceil(expiresAtSeconds - nowSeconds - this.#maxLifetimeSeconds);
    if (offBySeconds > 0) throw new DpopError('ticket_early', { offBySeconds });
  }

  /** No spelling of the path but that of the ticket, since routers read some of them alike and others not. */
  #assertTarget({ path, origin }: OpenedTicket, request: DpopRequest): void {
    if (parseRequestPath(request.target) !== path) throw new DpopError('ticket_path', { detail: 'path' });
    const origins = this.#rules.resolveOrigin(request);
    if (!origins.includes(origin))
      throw new DpopError('ticket_path', { detail: 'origin', expected: origins });
  }

  #nowSeconds(): number {
    return this.#rules.clock() / 1000;
  }
}
