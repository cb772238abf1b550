import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { assertRoutedAsCompared, parseRequestPath } from '../http/request-path.js';
import { type CompactJws, detachSegment } from '../jws/compact-jws.js';
import type { AcceptedNonce, NonceService } from '../nonce/nonce.service.js';
import { parseCompactProof } from '../proof/compact-proof.js';
import { assertAth, assertKeyBinding, assertNoAth } from '../proof/proof-binding.js';
import { type ProofClaims, parseProofClaims } from '../proof/proof-claims.js';
import { assertFreshness } from '../proof/proof-freshness.js';
import { parseProofHeader, type ProofHeader } from '../proof/proof-header.js';
import { assertHtm } from '../proof/proof-htm.js';
import { assertHtu } from '../proof/proof-htu.js';
import { acceptNonce } from '../proof/proof-nonce.js';
import { assertProofSignature, importProofKey, type ProofKey } from '../proof/proof-signature.js';
import { BoundedCache } from '../runtime/bounded-cache.js';
import { signatureTurn } from '../runtime/signature-turns.js';
import type { ProofRules } from './proof-rules.js';

/** The access token that a proof comes with. */
export interface PresentedToken {
  /** Thumbprint of the key that the token is bound to. */
  readonly jkt: string;
  /** base64url(SHA-256(token)). */
  readonly ath: string;
}

/** What a proof says, as far as replay, nonces and tickets need it. */
interface ProofFacts {
  readonly jti: string;
  /** The base URL that the client signed, one of those of the service. */
  readonly baseUrl: string;
  readonly nonce: AcceptedNonce | undefined;
  /** The time that the proof names: its `iat`, or the end of its nonce where that decides how fresh it is. */
  readonly proofTimeSeconds: number;
  /** The last instant, in seconds, at which the proof is fresh. */
  readonly freshUntilSeconds: number;
}

/** A proof that passed every check of §4.3 but that of its signature. */
export interface CheckedProof extends ProofFacts {
  readonly compact: CompactJws;
  /** The client's key if it is known, else the header that has it. */
  readonly presented: ProofKey | ProofHeader;
}

/** A proof that passed the checks of §4.3. Whether it was used before is not known yet. */
export interface VerifiedProof extends ProofFacts {
  /** The protected header as sent: the same, octet for octet, in every proof of one client. */
  readonly header: string;
  readonly key: ProofKey;
}

/**
 * Verifies proofs, with an access token or, at a token endpoint, without one. The replay of a proof is for `ReplayCheck`.
 *
 * @see RFC 9449 §4.3
 */
export class ProofVerifier {
  readonly #rules: ProofRules;
  readonly #nonces: NonceService;
  readonly #knownKeys: BoundedCache<ProofKey>;

  constructor(
    rules: ProofRules,
    nonces: NonceService,
    knownKeys = new BoundedCache<ProofKey>(rules.cache.keys),
  ) {
    this.#rules = rules;
    this.#nonces = nonces;
    this.#knownKeys = knownKeys;
  }

  /**
   * All checks of §4.3, the signature last.
   *
   * @param proof the value of the `DPoP` field
   * @param token left out where the proof comes without an access token
   * @throws DpopError; one that demands a nonce does not carry it yet
   */
  async verify(proof: string, request: DpopRequest, token?: PresentedToken): Promise<VerifiedProof> {
    return await this.verifySignature(this.check(proof, request, token));
  }

  /**
   * All checks but the signature, which costs more than all of them. The numbers are those of §4.3. Check 1, a single `DPoP`
   * field, is made where the credentials are read.
   *
   * @throws DpopError, as `verify`
   */
  check(proof: string, request: DpopRequest, token?: PresentedToken): CheckedProof {
    const { algorithms, queryInHtu } = this.#rules.proof;
    const compact = parseCompactProof(proof); //                                        2 form
    const known = this.#knownKeys.get(compact.header);
    const presented = known ?? parseProofHeader(compact.header, algorithms); //         4 typ, 5 alg, 7 public key
    if (token !== undefined) assertKeyBinding(presented.jkt, token.jkt); //             12 key of the token

    const claims = parseProofClaims(compact.payload); //                                3 required claims
    assertHtm(claims.htm, request.method, request.routedMethod); //                     8 htm
    const path = parseRequestPath(request.target);
    assertRoutedAsCompared(path, request);
    const origins = this.#rules.resolveOrigin(request);
    const baseUrl = assertHtu(claims.htu, origins, path, queryInHtu); //                9 htu
    if (token === undefined) assertNoAth(claims.ath);
    else assertAth(claims.ath, token.ath); //                                           12 hash of the token
    const nonce = acceptNonce(claims.nonce, this.#nonces); //                           10 nonce
    const freshUntilSeconds = this.#assertFresh(claims, nonce); //                      11 iat
    const proofTimeSeconds = this.#timeOf(claims, nonce);
    return { compact, presented, jti: claims.jti, baseUrl, nonce, proofTimeSeconds, freshUntilSeconds };
  }

  /**
   * Check 6 of §4.3.
   *
   * @throws DpopError
   */
  async verifySignature(proof: CheckedProof): Promise<VerifiedProof> {
    const { compact, presented, jti, baseUrl, nonce, proofTimeSeconds, freshUntilSeconds } = proof;
    await signatureTurn();
    const key = 'key' in presented ? presented : importProofKey(presented);
    assertProofSignature(compact, key);
    return { header: compact.header, key, jti, baseUrl, nonce, proofTimeSeconds, freshUntilSeconds };
  }

  /** Remembers the key of an accepted proof: the client's next proof needs no import. */
  rememberKey({ header, key }: VerifiedProof): void {
    if (this.#knownKeys.get(header) !== undefined) return;
    this.#knownKeys.set(detachSegment(header), key, 2 * header.length);
  }

  #assertFresh(claims: ProofClaims, nonce: AcceptedNonce | undefined): number {
    const { proof: rules, clock } = this.#rules;
    const nowSeconds = clock() / 1000;
    if (rules.freshness === 'iat') return assertFreshness(claims, nowSeconds, rules, undefined);
    try {
      return assertFreshness(claims, nowSeconds, rules, nonce?.expiresAtSeconds);
    } catch (error) {
      // A client whose clock is wrong must be given a nonce, or it never gets in.
      throw nonce === undefined ? new DpopError('nonce_missing') : error;
    }
  }

  #timeOf({ iat }: ProofClaims, nonce: AcceptedNonce | undefined): number {
    return this.#rules.proof.freshness === 'nonce' ? (nonce?.expiresAtSeconds ?? iat) : iat;
  }
}
