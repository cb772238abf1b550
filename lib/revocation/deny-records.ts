import { DpopUnavailableError } from '../errors/dpop.error.js';
import { type DenyRecord, type Kind, keyOf, tagOf, tagOfIssuer } from './deny-record.js';
import type { RevocableToken } from './revocation.checker.js';

/** Keys are bound to no issuer. */
const OF_ANY_ISSUER = tagOfIssuer('');
/** How often records that have ended are looked for. */
const PRUNE_SECONDS = 60;

/** The records of a deny-list in the memory of this process. A token that none of them is about costs no digest. */
export class DenyRecords {
  readonly #maxTokenLifetimeSeconds: number;
  readonly #records = new Map<string, DenyRecord>();
  /** How many records have a tag. */
  readonly #tags = new Map<number, number>();
  #pruneAtSeconds = 0;
  #lastIssuer = { name: '', tag: OF_ANY_ISSUER };

  constructor(maxTokenLifetimeSeconds: number) {
    this.#maxTokenLifetimeSeconds = maxTokenLifetimeSeconds;
  }

  get size(): number {
    return this.#records.size;
  }

  get(key: string): DenyRecord | undefined {
    return this.#records.get(key);
  }

  /** Takes the record in, with what an earlier one of the same key covers beyond it. */
  add(record: DenyRecord): void {
    const { key, tag } = record;
    const earlier = this.#records.get(key);
    if (earlier === undefined) this.#tags.set(tag, (this.#tags.get(tag) ?? 0) + 1);
    this.#records.set(key, earlier === undefined ? record : union(earlier, record));
  }

  /** Whether the record may be added; those that have ended make room. */
  hasRoomFor({ key }: DenyRecord, maxEntries: number, nowSeconds: number): boolean {
    const isFull = this.#records.size >= maxEntries && !this.#records.has(key);
    this.prune(nowSeconds, isFull);
    return !isFull || this.#records.size < maxEntries;
  }

  /** Drops the records that have ended, if it is time to look for them or `isUrgent`. */
  prune(nowSeconds: number, isUrgent = false): void {
    if (nowSeconds < this.#pruneAtSeconds && !isUrgent) return;
    this.#pruneAtSeconds = nowSeconds + PRUNE_SECONDS;
    for (const { key, tag, endsAtSeconds } of this.#records.values()) {
      if (endsAtSeconds > nowSeconds) continue;
      this.#records.delete(key);
      const left = (this.#tags.get(tag) ?? 1) - 1;
      if (left === 0) this.#tags.delete(tag);
      else this.#tags.set(tag, left);
    }
  }

  /**
   * Whether a record is about this token.
   *
   * @throws DpopUnavailableError `revocation_undecidable` for a token whose record could end before it, or have another issuer
   */
  has({ claims, issuer, subject, clientId, jkt }: RevocableToken): boolean {
    const { iat, exp, jti, sid } = claims;
    if (!isText(issuer)) throw undecidable('iss');
    if (!isTime(iat)) throw undecidable('iat');
    if (!isTime(exp)) throw undecidable('exp');
    if (exp - iat > this.#maxTokenLifetimeSeconds) {
      throw new DpopUnavailableError('revocation_undecidable', {
        advice: `the access token lives for ${exp - iat} s, and the deny-list keeps its entries for maxTokenLifetimeSeconds, ${this.#maxTokenLifetimeSeconds} s: raise that, or shorten the lifetime at the issuer`,
      });
    }
    if (this.#records.size === 0) return false;
    const ofIssuer = this.#tagOfIssuer(issuer);
    return (
      this.#isDenied('jti', ofIssuer, issuer, jti, iat) ||
      this.#isDenied('sid', ofIssuer, issuer, sid, iat) ||
      this.#isDenied('sub', ofIssuer, issuer, subject, iat) ||
      this.#isDenied('clientId', ofIssuer, issuer, clientId, iat) ||
      this.#isDenied('jkt', OF_ANY_ISSUER, '', jkt, iat)
    );
  }

  /** Most tokens are from the issuer of the last one. */
  #tagOfIssuer(issuer: string): number {
    if (issuer !== this.#lastIssuer.name) this.#lastIssuer = { name: issuer, tag: tagOfIssuer(issuer) };
    return this.#lastIssuer.tag;
  }

  #isDenied(kind: Kind, ofIssuer: number, issuer: string, value: unknown, iat: number): boolean {
    if (!isText(value) || !this.#tags.has(tagOf(kind, ofIssuer, value))) return false;
    const record = this.#records.get(keyOf(kind, issuer, value));
    return record !== undefined && iat <= record.issuedBefore;
  }

  values(): IterableIterator<DenyRecord> {
    return this.#records.values();
  }
}

function union(one: DenyRecord, other: DenyRecord): DenyRecord {
  return {
    ...one,
    issuedBefore: Math.max(one.issuedBefore, other.issuedBefore),
    endsAtSeconds: Math.max(one.endsAtSeconds, other.endsAtSeconds),
  };
}

/** Whether nothing is lost without the second record. */
export function covers(one: DenyRecord | undefined, other: DenyRecord): boolean {
  return (
    one !== undefined && one.issuedBefore >= other.issuedBefore && one.endsAtSeconds >= other.endsAtSeconds
  );
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Claims of a verifier of the app may be anything. */
const isTime = (value: unknown): value is number => Number.isFinite(value);

function undecidable(claim: 'iss' | 'iat' | 'exp'): DpopUnavailableError {
  return new DpopUnavailableError('revocation_undecidable', {
    advice: `the access token has no ${claim}, without which the deny-list cannot say that it is not revoked: let the issuer add it, or AccessTokenVerifier.verify return it`,
  });
}
