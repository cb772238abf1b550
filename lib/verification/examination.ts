import { hash } from 'node:crypto';
import { confirmSecond } from '../access-token/second-confirmation.js';
import { DpopError, type DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import type { Scheme } from '../http/challenge.js';
import {
  attemptedScheme,
  type CredentialFields,
  type Credentials,
  parseCredentials,
  readCredentialFields,
} from '../http/credentials.js';
import type { DpopRequest } from '../http/dpop-request.js';
import type { NameRoute } from '../http/place.js';
import type { RevocationCheck } from '../revocation/revocation-check.js';
import { type DecisionSubject, RequestDecisions } from '../telemetry/decisions.js';
import { readTickets } from '../tickets/presented-ticket.js';
import type { DpopTicket } from '../tickets/ticket-content.js';
import type { OpenedTicket } from '../tickets/ticket-seal.js';
import { isNonceDemand, type NonceSupply } from './nonce-supply.js';
import { assertRequirements, assertScheme } from './policy-checks.js';
import { type DpopPolicy, isReportOnly, permitsTicket } from './policy.js';
import type { ProofVerifier, VerifiedProof } from './proof.verifier.js';
import type { ReplayCheck } from './replay-check.js';
import type { TicketCheck } from './ticket-check.js';
import type { TokenCheck } from './token-check.js';
import { createVerdict, type DpopVerdict } from './verdict.js';
import type { VerificationRules } from './verification-rules.js';

/** Longer than any request should take; beyond it the end of the token's life is checked again. */
const LONG_REQUEST_SECONDS = 60;

/** The parts that make the steps of an examination. */
export interface ExaminationSteps {
  readonly rules: VerificationRules;
  readonly tokens: TokenCheck;
  readonly proofs: ProofVerifier;
  readonly revocations: RevocationCheck | undefined;
  readonly replays: ReplayCheck;
  readonly nonces: NonceSupply;
  readonly tickets: TicketCheck;
  /** Whether decisions are published. */
  readonly publishes: boolean;
}

/** What a request has proved. */
interface Possession {
  readonly verdict: DpopVerdict;
  readonly ath: string;
  readonly proof?: VerifiedProof;
}

/**
 * The examination of one request. Guards that are bound globally, to a class and to a method, and the resolvers of one
 * GraphQL operation, ask about the same request several times. Each asks with the policy of its own route; token and proof
 * are verified once, the proof is recorded once, and one decision is published.
 */
export class DpopExamination {
  readonly #request: DpopRequest;
  readonly #steps: ExaminationSteps;
  readonly #decisions: RequestDecisions;
  readonly #openedSeconds: number;
  readonly #fields: CredentialFields;
  #boundJkt = '';
  #signedBaseUrl: string | undefined;
  #subject: DecisionSubject | undefined;
  #ticket: OpenedTicket | undefined;
  #possession: Promise<Possession> | undefined;
  #recorded: Promise<void> | undefined;
  #epochRefreshed: Promise<void> | undefined;
  #toleratedFailure: DpopUnavailableError | undefined;
  #revocationFailure: DpopUnavailableError | undefined;

  constructor(request: DpopRequest, steps: ExaminationSteps) {
    this.#request = request;
    this.#steps = steps;
    this.#openedSeconds = this.#nowSeconds();
    this.#decisions = new RequestDecisions(request.method, steps.publishes);
    this.#fields = readCredentialFields(request.rawHeaders);
  }

  /** The failure of the replay store in spite of which the request was accepted. */
  get toleratedFailure(): DpopUnavailableError | undefined {
    return this.#toleratedFailure;
  }

  /** The failure of the revocation checker in spite of which the request was accepted. */
  get revocationFailure(): DpopUnavailableError | undefined {
    return this.#revocationFailure;
  }

  /** What is examined. Not enumerable, like the token in it: a logger that prints an examination prints neither. */
  get request(): DpopRequest {
    return this.#request;
  }

  /** Whether the request has no credentials at all that this policy reads, not even bad ones. */
  isAnonymous(policy: DpopPolicy): boolean {
    if (this.#fields.authorizationCount + this.#fields.dpopCount > 0) return false;
    return !permitsTicket(policy, this.#steps.rules) || readTickets(this.#request).length === 0;
  }

  /** Whose request it is, once the client has proved possession of its key; for the operator. */
  get subject(): DecisionSubject | undefined {
    return this.#subject;
  }

  /** @internal For the challenge. */
  get attemptedScheme(): Scheme | undefined {
    return attemptedScheme(this.#fields);
  }

  /** @internal What is published about the request, by a guard after the verdict, too. */
  get decisions(): RequestDecisions {
    return this.#decisions;
  }

  /** @internal A ticket for the request that was accepted with this verdict, see `DpopTickets`. */
  issueTicket(verdict: DpopVerdict, path: string): Promise<DpopTicket> {
    return this.#steps.tickets.issue(verdict, this.#request, path, this.#signedBaseUrl);
  }

  /**
   * The verdict, if this policy lets the request through. Cheapest checks first: without a valid bound token no proof
   * signature is verified and nothing is stored. Each caller learns of a revocation. The replay record is written last: a
   * refused request leaves no trace.
   *
   * @param nameRoute for the decision channel; called only while it has a subscriber
   * @throws DpopError, DpopUnavailableError
   */
  async authorize(policy: DpopPolicy, nameRoute?: NameRoute): Promise<DpopVerdict> {
    let possession: Possession | undefined;
    try {
      const ticket = this.#openTicket(policy);
      const credentials = ticket ?? parseCredentials(this.#fields, this.#steps.rules.limits);
      assertScheme(credentials.scheme, policy, this.#steps.rules);
      possession = await (this.#possession ??= this.#verifyPossession(credentials));
      this.#subject = possession.verdict;
      this.#assertTokenStillValid(possession.verdict);
      const { revocations } = this.#steps;
      if (revocations !== undefined) {
        const outcome = revocations.assertNotRevoked(possession.verdict);
        // A checker that answers at once costs no turn of the event loop.
        this.#revocationFailure = outcome instanceof Promise ? await outcome : outcome;
      }
      const asked = assertRequirements(possession.verdict, policy, this.#nowSeconds());
      if (asked !== undefined) await asked;
      await (this.#recorded ??= this.#record(possession));
      const { verdict } = possession;
      this.#decisions.accepted(verdict, this.#toleratedFailure, this.#revocationFailure, nameRoute);
      return verdict;
    } catch (thrown) {
      const error = isNonceDemand(thrown) ? await this.#supplyNonce(thrown, possession) : toDpopError(thrown);
      this.#decisions.rejected(error, possession?.verdict, nameRoute, !isReportOnly(policy));
      throw error;
    }
  }

  /** Opened once: a socket is asked about for longer than its ticket lives. */
  #openTicket(policy: DpopPolicy): OpenedTicket | undefined {
    if (!permitsTicket(policy, this.#steps.rules)) return undefined;
    if (this.#ticket !== undefined) return this.#ticket;
    const presented = readTickets(this.#request);
    if (presented.length === 0) return undefined;
    this.#decisions.hasTicket = true;
    return (this.#ticket = this.#steps.tickets.open(presented, this.#request, this.#fields));
  }

  async #verifyPossession(credentials: Credentials | OpenedTicket): Promise<Possession> {
    if ('path' in credentials) return await this.#steps.tickets.redeem(credentials, this.#request);
    const { scheme, token } = credentials;
    const ath = hash('sha256', token, 'base64url');
    const verified = this.#steps.tokens.verify(credentials, ath, this.#request);
    const { claims, jkt } = verified instanceof Promise ? await verified : verified;
    if (credentials.scheme === 'Bearer') return { verdict: createVerdict(scheme, token, claims), ath };
    this.#boundJkt = jkt;
    const { proofs } = this.#steps;
    const checked = proofs.check(credentials.proof, this.#request, { jkt, ath });
    const proof = await proofs.verifySignature(checked);
    this.#signedBaseUrl = proof.baseUrl;
    const confirmed = confirmSecond(claims, this.#request, this.#steps.rules.confirmation);
    if (confirmed !== undefined) await confirmed;
    const { nonce } = proof;
    const nextNonce = nonce?.renewalDue === true ? this.#steps.nonces.issue(jkt) : undefined;
    return { verdict: createVerdict(scheme, token, claims, jkt, nonce, nextNonce), ath, proof };
  }

  /** A subscription asks about the handshake of its socket for as long as the socket is open. */
  #assertTokenStillValid({ claims: { exp } }: DpopVerdict): void {
    const nowSeconds = this.#nowSeconds();
    if (nowSeconds - this.#openedSeconds <= LONG_REQUEST_SECONDS) return;
    if (exp !== undefined && nowSeconds >= exp) throw new DpopError('token_expired');
  }

  async #record({ verdict, ath, proof }: Possession): Promise<void> {
    const { tokens, proofs, replays } = this.#steps;
    if (this.#ticket !== undefined) await this.#steps.tickets.spend(this.#ticket);
    if (proof !== undefined) this.#toleratedFailure = await replays.record(proof);
    // Only accepted requests fill the caches: an attacker without a token, its key and a fresh proof evicts no client.
    if (proof !== undefined) proofs.rememberKey(proof);
    const remembered = tokens.remember(verdict.token, ath, verdict.claims);
    if (remembered !== undefined) await remembered;
  }

  /** A demand for a nonce gets the nonce here, and nowhere else. */
  #supplyNonce(
    demand: DpopError,
    possession: Possession | undefined,
  ): Promise<DpopError | DpopUnavailableError> {
    const { nonces } = this.#steps;
    return nonces.fulfil(demand, this.#boundJkt, () => {
      // A client that has not proved to hold its key causes no round trip.
      if (possession === undefined) return undefined;
      return (this.#epochRefreshed ??= nonces.refreshEpoch(this.#boundJkt));
    });
  }

  #nowSeconds(): number {
    return this.#steps.rules.clock() / 1000;
  }
}
