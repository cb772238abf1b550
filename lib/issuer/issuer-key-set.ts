import { KeyObject } from 'node:crypto';
import { createLocalJWKSet, type CryptoKey, type JSONWebKeySet, type JWK } from 'jose';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { JWS_ALGORITHMS } from '../jws/algorithms.js';
import { findDegenerateMember } from '../jws/degenerate-key.js';
import { createSignatureKey, type SignatureKey } from '../jws/signature.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { MatchingKeys, MAX_SIGNATURES_PER_TOKEN } from './matching-keys.js';

/** RFC 7518 §3.3 and §3.5. */
const MIN_RSA_BITS = 2048;

/**
 * A key set of an issuer. jose selects and imports the keys for a token header. Each selection is cached. The cache is
 * bounded by the key set: one selection for each algorithm and `kid` in it.
 */
export class IssuerKeySet {
  readonly #issuer: string;
  readonly #select: ReturnType<typeof createLocalJWKSet>;
  readonly #kids: ReadonlySet<string | undefined>;
  readonly #content: string;
  readonly #matching = new Map<string, Promise<MatchingKeys | undefined>>();
  readonly #keysWithoutKid: number;

  /** @throws OutboundError when the document is not a JWK set */
  constructor(issuer: string, document: unknown) {
    this.#issuer = issuer;
    this.#select = selectorOf(document);
    const { keys } = document as JSONWebKeySet;
    this.#kids = new Set(keys.map(({ kid }) => kid));
    this.#content = keys.map(canonicalOf).toSorted().join('\n');
    this.#keysWithoutKid = countKeysWithoutKid(keys);
  }

  /** Warns of a key set for which the service would refuse good tokens. */
  warnOfKeysWithoutKid(warn: (text: string) => void): void {
    if (this.#keysWithoutKid <= MAX_SIGNATURES_PER_TOKEN) return;
    warn(
      `the issuer ${this.#issuer} has ${this.#keysWithoutKid} keys of one kind without kid, and the service tries only ${MAX_SIGNATURES_PER_TOKEN} keys per token: configure the issuer to send kid, or list fewer keys`,
    );
  }

  /** Whether both sets have the same keys, in any order. */
  equals(other: IssuerKeySet): boolean {
    return this.#content === other.#content;
  }

  /**
   * The keys that may have signed a token with this header; `undefined` when the set has none.
   *
   * @param alg one of `JWS_ALGORITHMS`
   * @throws DpopUnavailableError when the only such key cannot be imported, since the client is not at fault
   */
  find(alg: string, kid: unknown): Promise<MatchingKeys | undefined> {
    if (kid === undefined) return this.#matchOnce(alg, undefined);
    const isInSet = typeof kid === 'string' && this.#kids.has(kid);
    return isInSet ? this.#matchOnce(alg, kid) : Promise.resolve(undefined);
  }

  #matchOnce(alg: string, kid: string | undefined): Promise<MatchingKeys | undefined> {
    const selection = kid === undefined ? alg : `${alg} ${kid}`;
    let matching = this.#matching.get(selection);
    if (matching === undefined) this.#matching.set(selection, (matching = this.#match(alg, kid)));
    return matching;
  }

  async #match(alg: string, kid: string | undefined): Promise<MatchingKeys | undefined> {
    const algorithm = JWS_ALGORITHMS.get(alg);
    const imported = await this.#import(alg, kid);
    if (imported === undefined || algorithm === undefined) return undefined;
    const keys = imported.map((key) => KeyObject.from(key)).filter(isTrustworthy);
    return new MatchingKeys(keys.map((key): SignatureKey => createSignatureKey(key, algorithm)));
  }

  async #import(alg: string, kid: string | undefined): Promise<readonly CryptoKey[] | undefined> {
    try {
      return [await this.#select({ alg, ...(kid !== undefined && { kid }) })];
    } catch (error) {
      if (codeOf(error) === 'ERR_JWKS_NO_MATCHING_KEY') return undefined;
      // If several keys match, jose skips those that cannot be imported.
      const imported: CryptoKey[] = [];
      if (isSeveralKeys(error)) for await (const key of error) imported.push(key);
      if (imported.length > 0) return imported;
      throw new DpopUnavailableError('issuer_unavailable', {
        advice: `the issuer ${this.#issuer} has a key for ${alg} that cannot be imported: check the members of that key in the key set`,
        cause: error,
      });
    }
  }
}

function selectorOf(document: unknown): ReturnType<typeof createLocalJWKSet> {
  try {
    const { keys } = document as JSONWebKeySet;
    return createLocalJWKSet({ keys: keys.map(withoutAlias) });
  } catch (cause) {
    throw new OutboundError('not a JWK set: { "keys": [ … ] }', { cause });
  }
}

/** `EdDSA` and `Ed25519` are the same algorithm (RFC 9864): a key with one name may sign tokens with the other. */
function withoutAlias(jwk: JWK): JWK {
  const { alg, ...rest } = jwk;
  return jwk.crv === 'Ed25519' && (alg === 'EdDSA' || alg === 'Ed25519') ? rest : jwk;
}

function canonicalOf(jwk: JWK): string {
  const members: readonly (readonly [string, unknown])[] = Object.entries(jwk);
  return JSON.stringify(members.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** The greatest number of keys of one kind that have no `kid`. */
function countKeysWithoutKid(keys: readonly JWK[]): number {
  const counts = new Map<string, number>();
  for (const { kty, crv, use, kid } of keys) {
    if (kid !== undefined || use === 'enc') continue;
    const kind = `${String(kty)} ${String(crv)}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

/** Whether only the owner of the key can create signatures. */
function isTrustworthy(key: KeyObject): boolean {
  const { modulusLength = MIN_RSA_BITS } = key.asymmetricKeyDetails ?? {};
  return modulusLength >= MIN_RSA_BITS && findDegenerateMember(key.export({ format: 'jwk' })) === undefined;
}

function isSeveralKeys(error: unknown): error is AsyncIterable<CryptoKey> {
  return codeOf(error) === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS';
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
