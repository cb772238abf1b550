import { METHODS } from 'node:http';

const KNOWN = new Set(METHODS);

/** The method for logs and events; `other` for a text that is not a known method, since the client may send any text. */
export function knownMethod(method: unknown): string | undefined {
  if (typeof method !== 'string') return undefined;
  return KNOWN.has(method) ? method : 'other';
}
