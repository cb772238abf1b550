import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { isSupportedAlgorithm, JWS_ALGORITHMS } from '../jws/algorithms.js';
import { type CompactJws, parseCompactJws } from '../jws/compact-jws.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import { type AcceptedNonce, NonceService } from '../nonce/nonce.service.js';
import { parseProofHeader } from '../proof/proof-header.js';
import { ProofVerifier } from '../verification/proof.verifier.js';
import type { VerificationRules } from '../verification/verification-rules.js';
import { type CheckName, checkOfReason } from './checks.js';
import { type ProofDraft, repairProof, type RightClaims } from './proof-repair.js';

/** A proof with the request that it is said to be for. */
export interface InspectedProof {
  readonly proof: string;
  readonly request: DpopRequest;
  readonly htu: string;
  /** base64url(SHA-256(token)); `undefined` without a token. */
  readonly ath: string | undefined;
  /** The thumbprint that the token is bound to; `undefined` if it is not known. */
  readonly boundJkt: string | undefined;
  /** The nonce that the server supplied last; `undefined` if it is not known. */
  readonly nonce: string | undefined;
}

/** What became of the checks. One in neither map holds. */
export interface ProofInspection {
  readonly failures: ReadonlyMap<CheckName, DpopError>;
  readonly skipped: ReadonlyMap<CheckName, string>;
}

/** More than a proof has parts. */
const MAX_REPAIRS = 32;

const CHECKS_OF_CONTENT: readonly CheckName[] = [
  'claims',
  'typ',
  'alg',
  'signature',
  'jwk',
  'htm',
  'htu',
  'nonce',
  'iat',
  'ath',
  'binding',
];

/**
 * Makes all checks of a proof with `ProofVerifier`, as the guard does. After each failure, the part that failed is replaced
 * by a right one and the verifier is asked again, so that each check is told for itself.
 */
export class ProofInspector {
  readonly #rules: VerificationRules;
  readonly #failures = new Map<CheckName, DpopError>();
  readonly #skipped = new Map<CheckName, string>();

  constructor(rules: VerificationRules) {
    this.#rules = rules;
  }

  async inspect(inspected: InspectedProof): Promise<ProofInspection> {
    const compact = parseCompactJws(inspected.proof);
    const nonces = new ExpectedNonce(inspected.nonce);
    const checked = this.#checkAll(nonces, inspected, compact);
    if (checked === undefined || compact === undefined) {
      for (const check of CHECKS_OF_CONTENT) this.#skip(check, 'the proof is not a JWT');
    } else if (!this.#skipped.has('signature')) {
      // Of the proof as it was sent, whatever was replaced in it since.
      const verifier = new ProofVerifier(this.#rules, nonces);
      await this.#checkSignature(() => verifier.verifySignature({ ...checked, compact }));
    }
    this.#noteWhatIsUnknown(inspected, compact);
    return { failures: this.#failures, skipped: this.#skipped };
  }

  #checkAll(
    nonces: NonceService,
    { proof, request, htu, ath, boundJkt }: InspectedProof,
    sent: CompactJws | undefined,
  ): ReturnType<ProofVerifier['check']> | undefined {
    const right: RightClaims = { request, htu, ath, nowSeconds: this.#rules.clock() / 1000 };
    let verifier = new ProofVerifier(this.#rules, nonces);
    let draft: ProofDraft = {};
    let jkt = boundJkt ?? this.#thumbprintOf(sent?.header);
    for (let repairs = 0; repairs < MAX_REPAIRS; repairs += 1) {
      const compact = compose(proof, draft, sent);
      try {
        return verifier.check(compact, request, ath === undefined ? undefined : { ath, jkt });
      } catch (error) {
        if (!(error instanceof DpopError)) throw error;
        if (error.reason === 'key_binding') {
          if (boundJkt !== undefined && !this.#skipped.has('binding')) this.#failures.set('binding', error);
          jkt = this.#thumbprintOf(compact.split('.')[0]);
          continue;
        }
        const check = checkOfReason(error.reason) as CheckName;
        const isFirst = !this.#failures.has(check);
        if (isFirst) this.#failures.set(check, error);
        if (error.reason === 'proof_alg' && isFirst) {
          // The server does not accept it; what this library can verify is checked nevertheless.
          verifier = new ProofVerifier(withAllAlgorithms(this.#rules), nonces);
          continue;
        }
        const repair = repairProof(contentOf(draft, sent), error, right);
        if (repair === undefined) return undefined;
        draft = repair.draft;
        for (const [name, why] of Object.entries(repair.skipped)) this.#skip(name as CheckName, why);
      }
    }
    return undefined;
  }

  async #checkSignature(verify: () => Promise<unknown>): Promise<void> {
    try {
      await verify();
    } catch (error) {
      if (!(error instanceof DpopError)) throw error;
      this.#failures.set(checkOfReason(error.reason) as CheckName, error);
      if (error.reason !== 'proof_signature') this.#skip('signature', 'jwk holds no key that can be used');
    }
  }

  #noteWhatIsUnknown({ ath, boundJkt, nonce }: InspectedProof, compact: CompactJws | undefined): void {
    const presented = compact === undefined ? undefined : parseJsonSegment(compact.payload)?.['nonce'];
    if (ath === undefined) {
      this.#skip('ath', 'there is no access token; give it with --token-file');
      this.#skip('binding', 'there is no access token; give it with --token-file');
    } else if (boundJkt === undefined) {
      this.#skip('binding', 'the token does not say which key it is bound to');
    }
    if (nonce !== undefined && presented === undefined && !this.#skipped.has('nonce'))
      this.#failures.set('nonce', new DpopError('nonce_missing'));
    if (nonce !== undefined) return;
    this.#skip(
      'nonce',
      presented === undefined
        ? 'the proof has none, and only the server knows whether it demands one'
        : 'only the server knows its nonces; give the last one with --nonce',
    );
  }

  /** What failed has been checked. */
  #skip(check: CheckName, why: string): void {
    if (!this.#failures.has(check) && !this.#skipped.has(check)) this.#skipped.set(check, why);
  }

  #thumbprintOf(header = ''): string {
    try {
      return parseProofHeader(header, withAllAlgorithms(this.#rules).proof.algorithms).jkt;
    } catch (error) {
      // Then the check of the header fails first.
      if (error instanceof DpopError) return '';
      throw error;
    }
  }
}

/** The rules with each algorithm that this Node can verify. */
function withAllAlgorithms(rules: VerificationRules): VerificationRules {
  const algorithms = new Set([...JWS_ALGORITHMS.keys()].filter(isSupportedAlgorithm));
  return { ...rules, proof: { ...rules.proof, algorithms } };
}

/** Knows the one nonce that the developer gave; without one, all that the server may have issued. */
class ExpectedNonce extends NonceService {
  override readonly maxLifetimeSeconds = 1;

  constructor(private readonly expected: string | undefined) {
    super();
  }

  override issue(): string {
    throw new Error('nothing is issued here');
  }

  override check(nonce: string): AcceptedNonce | undefined {
    if (this.expected !== undefined && nonce !== this.expected) return undefined;
    return { expiresAtSeconds: Number.MAX_SAFE_INTEGER, epoch: '', renewalDue: false };
  }
}

function compose(proof: string, { header, claims }: ProofDraft, sent: CompactJws | undefined): string {
  if (sent === undefined || (header === undefined && claims === undefined)) return proof;
  const headerSegment = header === undefined ? sent.header : encode(header);
  const payloadSegment = claims === undefined ? sent.payload : encode(claims);
  return `${headerSegment}.${payloadSegment}.${sent.signature}`;
}

function contentOf({ header, claims }: ProofDraft, sent: CompactJws | undefined): Required<ProofDraft> {
  return {
    header: header ?? parseJsonSegment(sent?.header ?? '') ?? {},
    claims: claims ?? parseJsonSegment(sent?.payload ?? '') ?? {},
  };
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
