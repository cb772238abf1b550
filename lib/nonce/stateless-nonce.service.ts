import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../runtime/clock.js';
import type { NonceSecretSource } from './nonce-secret.source.js';
import { type AcceptedNonce, NonceService } from './nonce.service.js';

export interface StatelessNonceOptions {
  readonly secrets: NonceSecretSource;
  /** Which service these nonces are for; those of another are refused. */
  readonly service: string;
  /** The least a nonce lives, in seconds; it lives for less than twice as long. */
  readonly lifetimeSeconds: number;
  readonly clock: Clock;
}

const WINDOW_BYTES = 4;
const EPOCH_BYTES = 6;
const TAG_BYTES = 17;
const SIGNED_BYTES = WINDOW_BYTES + EPOCH_BYTES;
const NONCE_BYTES = SIGNED_BYTES + TAG_BYTES;

/** No memory in particular. */
export const NO_EPOCH = 'A'.repeat((EPOCH_BYTES * 4) / 3);

/**
 * Nonces that nobody has to remember: the window of the clock and the name of the replay memory, signed. 36 characters
 * of base64url; no timer, no state, no round trip.
 *
 * The present, the previous and, because the clocks of replicas differ, the next window are accepted (§8.2).
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
    if (secret === undefined) throw new Error('the source of nonce secrets holds none');
    const nonce = Buffer.alloc(NONCE_BYTES);
    nonce.writeUInt32BE(this.#window());
    nonce.write(epoch, WINDOW_BYTES, EPOCH_BYTES, 'base64url');
    this.#tag(secret, nonce).copy(nonce, SIGNED_BYTES);
    return nonce.toString('base64url');
  }

  override check(nonce: string): AcceptedNonce | undefined {
    const bytes = Buffer.from(nonce, 'base64url');
    // The decoder is lenient; a nonce has one spelling only.
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

  /** One secret may serve several services: each derives a key of its own, so that no nonce is good for another. */
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
