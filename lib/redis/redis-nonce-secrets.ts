import { randomBytes } from 'node:crypto';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import type { Clock } from '../runtime/clock.js';
import type { RedisConnection } from './redis-connection.js';
import { RING_SCRIPT } from './redis-scripts.js';

interface RingEntry {
  readonly secret: Uint8Array;
  /** When it was made, in seconds by the clock of the instance that made it. */
  readonly madeAtSeconds: number;
}

const SECRET_BYTES = 32;
/** The present secret and those before it: a nonce outlives at most one rotation. */
const MAX_ENTRIES = 3;
const REFRESH_MS = 15_000;
/** Until the ring has been read for the first time, nonces are neither made nor known. */
const RETRY_MS = 1000;
/** A new secret is recognised at once and signs only when every instance has had the time to learn it. */
const PROPAGATION_SECONDS = 60;

/**
 * The secrets of a fleet's nonces: made by the fleet itself, kept in Redis, cached in each instance. No request waits
 * for Redis; an outage stops nothing but rotation, and an instance that still knows the ring writes it back after a loss.
 */
export class RedisNonceSecrets implements NonceSecretSource {
  readonly #connection: RedisConnection;
  readonly #key: string;
  readonly #rotationSeconds: number;
  readonly #clock: Clock;
  #ring: readonly RingEntry[] = [];
  #secrets: readonly Uint8Array[] = [];
  #timers: readonly NodeJS.Timeout[] = [];

  constructor(connection: RedisConnection, keyPrefix: string, rotationSeconds: number, clock: Clock) {
    this.#connection = connection;
    this.#key = `${keyPrefix}nonce-secrets`;
    this.#rotationSeconds = rotationSeconds;
    this.#clock = clock;
    connection.onConnected(() => void this.refresh());
  }

  /** @throws DpopUnavailableError until the ring has been read for the first time */
  secrets(): readonly Uint8Array[] {
    if (this.#secrets.length === 0) {
      throw new DpopUnavailableError('nonce_secrets_unavailable', {
        advice: 'the nonce secrets of the fleet have not been read from Redis yet',
      });
    }
    return this.#secrets;
  }

  async open(): Promise<void> {
    await this.refresh();
    this.#timers = [
      setInterval(() => void this.refresh(), REFRESH_MS).unref(),
      setInterval(() => void this.#readFirst(), RETRY_MS).unref(),
    ];
  }

  /** @throws DpopUnavailableError until the ring has been read for the first time; tries to */
  async ping(): Promise<void> {
    await this.#readFirst();
    this.secrets();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Reads the ring, rotates it when it is time, and writes it back when it is lost; never fails. */
  async refresh(): Promise<void> {
    const nowSeconds = Math.floor(this.#clock() / 1000);
    const known = formatRing(this.#ring);
    const rotated = this.#isDue(nowSeconds) ? formatRing(rotate(this.#ring, nowSeconds)) : known;
    const first = this.#ring.length > 0 ? known : formatRing(rotate([], nowSeconds));
    try {
      const answer = await this.#exchange(first, known, rotated);
      const ring = parseRing(answer);
      // What nobody can read is replaced.
      this.#adopt(ring.length > 0 ? ring : parseRing(await this.#exchange(first, answer, first)), nowSeconds);
    } catch {
      // The secrets at hand remain good.
      if (this.#ring.length > 0) this.#adopt(this.#ring, nowSeconds);
    }
  }

  /** Answers the ring in force: `first` where there was none, `next` where it was `expected`. */
  async #exchange(first: string, expected: string, next: string): Promise<string> {
    return String(await this.#connection.evaluate(RING_SCRIPT, [this.#key], [first, expected, next]));
  }

  async #readFirst(): Promise<void> {
    if (this.#ring.length === 0) await this.refresh();
  }

  #isDue(nowSeconds: number): boolean {
    const [newest] = this.#ring;
    return newest !== undefined && nowSeconds - newest.madeAtSeconds >= this.#rotationSeconds;
  }

  #adopt(ring: readonly RingEntry[], nowSeconds: number): void {
    if (ring.length === 0) return;
    // The same arrays for the same secrets: keys derived from them are remembered by identity.
    this.#ring = ring.map((entry) => this.#ring.find(({ secret }) => equal(secret, entry.secret)) ?? entry);
    const settled = this.#ring.find(({ madeAtSeconds }) => nowSeconds - madeAtSeconds >= PROPAGATION_SECONDS);
    const signing = settled ?? this.#ring.at(-1);
    this.#secrets = [...this.#ring]
      .toSorted((a, b) => Number(b === signing) - Number(a === signing))
      .map(({ secret }) => secret);
  }
}

function rotate(ring: readonly RingEntry[], nowSeconds: number): readonly RingEntry[] {
  return [{ secret: randomBytes(SECRET_BYTES), madeAtSeconds: nowSeconds }, ...ring].slice(0, MAX_ENTRIES);
}

/** Newest first: `madeAt.secret madeAt.secret`. */
function formatRing(ring: readonly RingEntry[]): string {
  return ring
    .map(({ secret, madeAtSeconds }) => `${madeAtSeconds}.${Buffer.from(secret).toString('base64url')}`)
    .join(' ');
}

/** What is not well-formed is left out: nobody else writes there. */
function parseRing(text: string): readonly RingEntry[] {
  return text.split(' ').flatMap((item) => {
    const [, madeAt, secret = ''] = /^(\d+)\.([\w-]+)$/.exec(item) ?? [];
    const bytes = Buffer.from(secret, 'base64url');
    return bytes.length < SECRET_BYTES ? [] : [{ secret: bytes, madeAtSeconds: Number(madeAt) }];
  });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
