import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { NonceSecretSource } from '../nonce/nonce-secret.source.js';
import type { TicketContent } from './ticket-content.js';

export interface TicketSealOptions {
  readonly secrets: NonceSecretSource;
  /** The service that the tickets are bound to. Tickets of another service are not opened. */
  readonly service: string;
  readonly lifetimeSeconds: number;
}

/** A ticket that this service sealed. */
export interface OpenedTicket extends TicketContent {
  /** The same for each copy of the ticket, and for no other ticket. */
  readonly id: string;
}

const CIPHER = 'aes-256-gcm';
const SALT_BYTES = 24;
const TAG_BYTES = 16;
/** Each ticket has a key of its own, so that the initialization vector of GCM need not differ. */
const FIXED_IV = Buffer.alloc(12);
const MAX_CONTENT_BYTES = 1_048_576;

/**
 * Seals tickets: encrypts and authenticates their content with a key that only the instances of this service derive. The
 * keys come from the secrets of nonces, under a label of their own, and rotate with them.
 */
export class TicketSeal {
  readonly lifetimeSeconds: number;
  readonly #secrets: NonceSecretSource;
  readonly #service: string;
  readonly #keys = new WeakMap<Uint8Array, Uint8Array>();

  constructor({ secrets, service, lifetimeSeconds }: TicketSealOptions) {
    this.#secrets = secrets;
    this.#service = service;
    this.lifetimeSeconds = lifetimeSeconds;
  }

  /** The ticket in base64url. Compressed: the access token in it is as long as most URLs may be. */
  seal({ origin, path, expiresAtSeconds, scheme, jkt, hasNonce, epoch, token }: TicketContent): string {
    const [secret] = this.#secrets.secrets();
    if (secret === undefined) throw new Error('The NonceSecretSource returns no secret; return at least one');
    const salt = randomBytes(SALT_BYTES);
    const members = [origin, path, expiresAtSeconds, scheme, jkt, hasNonce, epoch, token];
    const cipher = createCipheriv(CIPHER, this.#keyOf(secret, salt), FIXED_IV, { authTagLength: TAG_BYTES });
    const sealed = cipher.update(deflateRawSync(JSON.stringify(members)));
    cipher.final();
    return Buffer.concat([salt, sealed, cipher.getAuthTag()]).toString('base64url');
  }

  /** The content of the ticket; `undefined` when it is malformed, forged, or from another service. */
  open(ticket: string): OpenedTicket | undefined {
    const bytes = Buffer.from(ticket, 'base64url');
    // The decoder accepts several spellings of the same bytes, and skips what is no base64url; a ticket has one spelling.
    if (bytes.length <= SALT_BYTES + TAG_BYTES || bytes.toString('base64url') !== ticket) return undefined;
    const salt = bytes.subarray(0, SALT_BYTES);
    for (const secret of this.#secrets.secrets()) {
      const content = decrypt(this.#keyOf(secret, salt), bytes);
      if (content !== undefined) return { id: salt.toString('base64url'), ...parseContent(content) };
    }
    return undefined;
  }

  /** Each service derives its own key, so that services with the same secret do not open each other's tickets. */
  #keyOf(secret: Uint8Array, salt: Uint8Array): Uint8Array {
    let key = this.#keys.get(secret);
    if (key === undefined) {
      key = createHmac('sha256', secret).update(`nestjs-dpop ticket 1\0${this.#service}`).digest();
      this.#keys.set(secret, key);
    }
    return createHmac('sha256', key).update(salt).digest();
  }
}

function decrypt(key: Uint8Array, bytes: Buffer): Buffer | undefined {
  const decipher = createDecipheriv(CIPHER, key, FIXED_IV, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const content = decipher.update(bytes.subarray(SALT_BYTES, -TAG_BYTES));
  try {
    decipher.final();
    return content;
  } catch {
    return undefined;
  }
}

type Members = readonly [string, string, number, TicketContent['scheme'], string, boolean, string, string];

/** Only this service can have sealed it, in this form: another form has another label. */
function parseContent(content: Buffer): TicketContent {
  const json = inflateRawSync(content, { maxOutputLength: MAX_CONTENT_BYTES }).toString();
  const [origin, path, expiresAtSeconds, scheme, jkt, hasNonce, epoch, token] = JSON.parse(json) as Members;
  return { origin, path, expiresAtSeconds, scheme, jkt, hasNonce, epoch, token };
}
