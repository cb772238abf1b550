import { randomBytes } from 'node:crypto';

/** Of 31 octets, one too few, and of 32. */
export const secret31 = randomBytes(31).toString('base64url');
export const secret32 = randomBytes(32).toString('base64url');
