/**
 * What a request has proved at an endpoint of an authorization server: that the client holds a key. Frozen. `DpopProofGuard`
 * leaves it on the request.
 */
export interface DpopProofVerdict {
  /** The thumbprint of the key of the proof (RFC 7638). Tokens that this request gets are bound to it. */
  readonly jkt: string;
  /** Whether the proof carried a valid nonce. */
  readonly hasNonce: boolean;
  /** A fresh nonce for the client's next proof, once the current one is about to expire (§8.2). Not enumerable. */
  readonly nextNonce: string | undefined;
}

/** The nonce is a private field, so that `JSON.stringify`, `util.inspect` and copies leave it out. */
class ProofVerdict implements DpopProofVerdict {
  readonly #nextNonce: string | undefined;

  constructor(
    readonly jkt: string,
    readonly hasNonce: boolean,
    nextNonce: string | undefined,
  ) {
    this.#nextNonce = nextNonce;
  }

  get nextNonce(): string | undefined {
    return this.#nextNonce;
  }
}

/** @internal */
export function createProofVerdict(
  jkt: string,
  hasNonce: boolean,
  nextNonce: string | undefined,
): DpopProofVerdict {
  return Object.freeze(new ProofVerdict(jkt, hasNonce, nextNonce));
}
