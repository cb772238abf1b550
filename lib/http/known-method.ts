import { METHODS } from 'node:http';

const KNOWN = new Set(METHODS);

/** The method for logs and events: a client may send any text as its method, and only the known ones are told. */
export function knownMethod(method: unknown): string | undefined {
  if (typeof method !== 'string') return undefined;
  return KNOWN.has(method) ? method : 'other';
}
