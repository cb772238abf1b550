import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../runtime/clock.js';
import type { NonceSecretSource } from './nonce-secret.source.js';
import { type AcceptedNonce, NonceService } from './nonce.service.js';

export interface StatelessNonceOptions {
  readonly secrets: NonceSecretSource;
  /** The service that the nonces are bound to. Nonces of another service are not recognised. */
  readonly service: string;
  /** The minimum lifetime of a nonce, in seconds. The maximum is just under twice as long. */
  readonly lifetimeSeconds: number;
  readonly clock: Clock;
}

const WINDOW_BYTES = 4;
const EPOCH_BYTES = 6;
const TAG_BYTES = 17;
const SIGNED_BYTES = WINDOW_BYTES + EPOCH_BYTES;
const NONCE_BYTES = SIGNED_BYTES + TAG_BYTES;

/** Stands for no epoch. */
export const NO_EPOCH = 'A'.repeat((EPOCH_BYTES * 4) / 3);

/**
 * Nonces without state: a signed window of time and the epoch of the replay store, 36 characters of base64url. No timer
 * and no round trip is needed.
 *
 * The service recognises nonces of the present and the previous window (§8.2), and of the next one, because the clocks
 * of instances differ.
 */
export class StatelessNonceService extends NonceService {
  readonly #secrets: NonceSecretSource;
  readonly #service: string;
  readonly #windowSeconds: number;
  readonly #clock: Clock;
  readonly #keys = new WeakMap<Uint8Array, Uint8Array>();

  constructor(options: StatelessNonceOptions) {
    super();
    this.#secrets = options.secrets;
    this.#service = options.service;
    this.#windowSeconds = options.lifetimeSeconds;
    this.#clock = options.clock;
  }

  override get maxLifetimeSeconds(): number {
    return 3 * this.#windowSeconds;
  }

  override issue(epoch: string = NO_EPOCH): string {
    const [secret] = this.#secrets.secrets();
    if (secret === undefined) throw new Error('The NonceSecretSource returns no secret; return at least one');
    const nonce = Buffer.alloc(NONCE_BYTES);
    nonce.writeUInt32BE(this.#window());
    nonce.write(epoch, WINDOW_BYTES, EPOCH_BYTES, 'base64url');
    this.#tag(secret, nonce).copy(nonce, SIGNED_BYTES);
    return nonce.toString('base64url');
  }

  override check(nonce: string): AcceptedNonce | undefined {
    const bytes = Buffer.from(nonce, 'base64url');
    // The decoder accepts several spellings of the same bytes; a nonce has only one.
    if (bytes.length !== NONCE_BYTES || bytes.toString('base64url') !== nonce) return undefined;
    const tag = bytes.subarray(SIGNED_BYTES);
    if (!this.#secrets.secrets().some((secret) => timingSafeEqual(this.#tag(secret, bytes), tag)))
      return undefined;

    const window = bytes.readUInt32BE();
    const age = this.#window() - window;
    if (age < -1 || age > 1) return undefined;
    return {
      expiresAtSeconds: (window + 2) * this.#windowSeconds,
      epoch: bytes.toString('base64url', WINDOW_BYTES, SIGNED_BYTES),
      renewalDue: age > 0,
    };
  }

  #window(): number {
    return Math.floor(this.#clock() / 1000 / this.#windowSeconds);
  }

  #tag(secret: Uint8Array, nonce: Buffer): Buffer {
    const mac = createHmac('sha256', this.#keyOf(secret)).update(nonce.subarray(0, SIGNED_BYTES)).digest();
    return mac.subarray(0, TAG_BYTES);
  }

  /** Each service derives its own key, so that services with the same secret do not recognise each other's nonces. */
  #keyOf(secret: Uint8Array): Uint8Array {
    let key = this.#keys.get(secret);
    if (key === undefined) {
      key = createHmac('sha256', secret)
        .update(`nestjs-dpop nonce\0${this.#windowSeconds}\0${this.#service}`)
        .digest();
      this.#keys.set(secret, key);
    }
    return key;
  }
}
