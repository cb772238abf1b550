import type { DpopErrorCode } from '../errors/catalogue.js';
import type { DpopVerdict } from '../verification/verdict.js';

/** The HTTP answer to a handshake that is not let through. */
export interface HandshakeRefusal {
  readonly status: number;
  /** The stable code, as in the body. */
  readonly code: DpopErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, as for any other request. */
  readonly body: string;
}

/** A verdict or a refusal. Neither for a handshake without credentials that is let in as nobody. */
export type HandshakeOutcome =
  | { readonly verdict?: never; readonly refusal?: never }
  | { readonly verdict: DpopVerdict; readonly refusal?: never }
  | { readonly verdict?: never; readonly refusal: HandshakeRefusal };
