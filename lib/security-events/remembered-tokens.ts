import { BoundedCache } from '../runtime/bounded-cache.js';
import { digestOf } from './receiver-config.js';

/**
 * The tokens that were applied, as digests. Applying an event a second time changes nothing, so that a forgotten token does
 * no harm.
 */
export class RememberedTokens {
  /** The digest of the content by the digest of issuer and `jti`. */
  readonly #contents: BoundedCache<string>;

  constructor(maxEntries = 10_000) {
    this.#contents = new BoundedCache({ maxEntries, maxBytes: Infinity });
  }

  /** Whether a token of this name was applied, with the same content or with other content. */
  compare(issuer: string, jti: string, content: string): 'same' | 'other' | undefined {
    const known = this.#contents.get(nameOf(issuer, jti));
    if (known === undefined) return undefined;
    return known === digest(content) ? 'same' : 'other';
  }

  remember(issuer: string, jti: string, content: string): void {
    this.#contents.set(nameOf(issuer, jti), digest(content), 0);
  }
}

/** JSON keeps both apart, whatever characters they have. */
function nameOf(issuer: string, jti: string): string {
  return digest(JSON.stringify([issuer, jti]));
}

function digest(text: string): string {
  return Buffer.from(digestOf(text)).toString('base64url');
}
