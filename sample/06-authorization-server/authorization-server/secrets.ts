import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits, for codes, refresh tokens and sessions. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** What is kept of a secret. A copy of the memory, or of a database, then contains none that can be used. */
export const digestOf = (secret: string): string => hash('sha256', secret, 'base64url');

/** Compares in constant time. */
export function isEqualSecret(one: string, other: string): boolean {
  return timingSafeEqual(hash('sha256', one, 'buffer'), hash('sha256', other, 'buffer'));
}
