import { randomBytes } from 'node:crypto';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import type { Clock } from '../runtime/clock.js';
import type { RedisConnection } from './redis-connection.js';
import { RING_SCRIPT } from './setup-scripts.js';

interface RingEntry {
  readonly secret: Uint8Array;
  /** By the clock of the instance that created it. */
  readonly createdAtSeconds: number;
}

const SECRET_BYTES = 32;
/** The newest secret and the two before it. A nonce is valid across at most one rotation. */
const MAX_ENTRIES = 3;
const REFRESH_MS = 15_000;
/** Until the ring has been read for the first time, the instance can neither issue nor recognise nonces. */
const RETRY_MS = 1000;
/** A new secret signs only after this time, when every instance has read it. Until then it is only recognised. */
const PROPAGATION_SECONDS = 60;

/**
 * The ring of nonce secrets of a fleet. The first instance creates it, Redis stores it, and each instance caches it. No
 * request waits for Redis. An outage of Redis only stops the rotation. After a loss, an instance that has the ring
 * writes it back.
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
    // An authorization server and a resource server in one app may share a storage, and both open it.
    this.close();
    this.#timers = [
      setInterval(() => void this.refresh(), REFRESH_MS).unref(),
      setInterval(() => void this.#readFirst(), RETRY_MS).unref(),
    ];
  }

  /**
   * Reads the ring if that has not succeeded yet.
   *
   * @throws DpopUnavailableError when the ring cannot be read
   */
  async ping(): Promise<void> {
    await this.#readFirst();
    this.secrets();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Reads the ring, rotates it when it is due, and writes it back when Redis has lost it. Never rejects. */
  async refresh(): Promise<void> {
    const nowSeconds = Math.floor(this.#clock() / 1000);
    const known = formatRing(this.#ring);
    const rotated = this.#isDue(nowSeconds) ? formatRing(rotate(this.#ring, nowSeconds)) : known;
    const first = this.#ring.length > 0 ? known : formatRing(rotate([], nowSeconds));
    try {
      const answer = await this.#exchange(first, known, rotated);
      const ring = parseRing(answer);
      // A ring that cannot be parsed is replaced.
      this.#adopt(ring.length > 0 ? ring : parseRing(await this.#exchange(first, answer, first)), nowSeconds);
    } catch {
      // The cached secrets remain valid.
      this.#adopt(this.#ring, nowSeconds);
    }
  }

  /** Stores `first` if there is no ring, and `next` if the ring is `expected`. @returns the ring in force */
  async #exchange(first: string, expected: string, next: string): Promise<string> {
    return String(await this.#connection.evaluate(RING_SCRIPT, [this.#key], [first, expected, next]));
  }

  async #readFirst(): Promise<void> {
    if (this.#ring.length === 0) await this.refresh();
  }

  #isDue(nowSeconds: number): boolean {
    const [newest] = this.#ring;
    return newest !== undefined && nowSeconds - newest.createdAtSeconds >= this.#rotationSeconds;
  }

  #adopt(ring: readonly RingEntry[], nowSeconds: number): void {
    if (ring.length === 0) return;
    // Keeps the array of a known secret: the nonce service caches derived keys by its identity.
    this.#ring = ring.map((entry) => this.#ring.find(({ secret }) => equal(secret, entry.secret)) ?? entry);
    const settled = this.#ring.find(
      ({ createdAtSeconds }) => nowSeconds - createdAtSeconds >= PROPAGATION_SECONDS,
    );
    const signing = settled ?? this.#ring.at(-1);
    const first = this.#ring.filter((entry) => entry === signing);
    const others = this.#ring.filter((entry) => entry !== signing);
    this.#secrets = [...first, ...others].map(({ secret }) => secret);
  }
}

function rotate(ring: readonly RingEntry[], nowSeconds: number): readonly RingEntry[] {
  return [{ secret: randomBytes(SECRET_BYTES), createdAtSeconds: nowSeconds }, ...ring].slice(0, MAX_ENTRIES);
}

/** Newest first: `createdAt.secret createdAt.secret`. */
function formatRing(ring: readonly RingEntry[]): string {
  return ring
    .map(({ secret, createdAtSeconds }) => `${createdAtSeconds}.${Buffer.from(secret).toString('base64url')}`)
    .join(' ');
}

/** Leaves out entries that are malformed. */
function parseRing(text: string): readonly RingEntry[] {
  return text.split(' ').flatMap((item) => {
    const [, createdAt, secret = ''] = /^(\d+)\.([\w-]+)$/.exec(item) ?? [];
    const bytes = Buffer.from(secret, 'base64url');
    return bytes.length < SECRET_BYTES ? [] : [{ secret: bytes, createdAtSeconds: Number(createdAt) }];
  });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
