import type { RefusalReason } from '../errors/catalogue.js';
import type { JsonObject } from '../jws/json-object.js';

/** A refused token as far as it could be parsed. Nothing in it is verified. */
export interface RefusedToken {
  readonly reason: RefusalReason;
  /** The number of parts between dots: 3 for a signed JWT, 5 for an encrypted one, 1 for most opaque tokens. */
  readonly segments: number;
  readonly header: JsonObject | undefined;
  readonly claims: JsonObject | undefined;
}

/**
 * Tells the operator what to change at the provider. The answer is a sentence of its own, and repeats nothing of the
 * token; it stands in the log line of the refusal. `undefined` where there is nothing to say.
 *
 * @param issuer the issuer of the options that the adviser belongs to; the token may name another one, or none
 */
export type TokenAdviser = (token: RefusedToken, issuer: string) => string | undefined;
