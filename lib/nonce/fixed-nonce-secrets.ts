import { randomBytes } from 'node:crypto';
import { isUint8Array } from 'node:util/types';
import { fail } from '../errors/option-asserts.js';
import type { NonceSecretSource } from './nonce-secret.source.js';

const MIN_SECRET_BYTES = 32;

/** Secrets that do not change. */
export class FixedNonceSecrets implements NonceSecretSource {
  readonly #secrets: readonly Uint8Array[];

  /** @param secrets default: one random secret, so that no other process recognises the nonces */
  constructor(secrets: readonly Uint8Array[] = [randomBytes(MIN_SECRET_BYTES)]) {
    this.#secrets = secrets;
  }

  secrets(): readonly Uint8Array[] {
    return this.#secrets;
  }
}

/**
 * @throws TypeError that names the option
 */
export function parseNonceSecrets(value: unknown, option: string): readonly Uint8Array[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (values.length === 0) failSecret(option);
  return values.map((item) => parseNonceSecret(item, option));
}

function parseNonceSecret(value: unknown, option: string): Uint8Array {
  const secret = typeof value === 'string' ? decodeBase64(value, option) : value;
  if (!isUint8Array(secret) || secret.byteLength < MIN_SECRET_BYTES) failSecret(option);
  // A copy, because the caller may overwrite its own.
  return Uint8Array.from(secret);
}

function decodeBase64(value: string, option: string): Uint8Array {
  if (!/^[\w+/-]+={0,2}$/.test(value)) failSecret(option);
  return Buffer.from(value, 'base64');
}

function failSecret(option: string): never {
  fail(
    option,
    `at least ${MIN_SECRET_BYTES} bytes, as Uint8Array or in base64 or base64url, or an array of those; "openssl rand -base64 32" makes one`,
  );
}
