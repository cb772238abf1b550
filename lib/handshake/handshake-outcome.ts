import type { DpopVerdict } from '../verification/verdict.js';

/** The HTTP answer to a handshake that is not let through. */
export interface HandshakeRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, as for any other request. */
  readonly body: string;
}

/** Exactly one of the two is set. */
export type HandshakeOutcome =
  | { readonly verdict: DpopVerdict; readonly refusal?: never }
  | { readonly verdict?: never; readonly refusal: HandshakeRefusal };
