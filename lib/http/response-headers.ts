/** One header of a response. */
export interface ResponseHeader {
  readonly name: string;
  readonly value: string;
  /** Whether other values that the header already has are kept. */
  readonly merge: boolean;
}

/** The headers by name, for a transport that writes them by itself. */
export function toRecord(headers: readonly ResponseHeader[]): Readonly<Record<string, string>> {
  return Object.fromEntries(headers.map(({ name, value }) => [name, value]));
}

const CHALLENGE = 'WWW-Authenticate';
const CACHE_CONTROL = 'Cache-Control';
const EXPOSED = 'DPoP-Nonce, WWW-Authenticate';

/**
 * The headers of a refusal, or of a success with a new nonce: the challenge, the nonce, and `Retry-After`. Caches must not
 * store the response, and scripts of other origins may read the headers. A challenge that demands a nonce replaces all
 * others, because clients read no other; any other challenge is added to the challenges of other schemes.
 *
 * @see RFC 9449 §8.2, RFC 9110 §10.2.3 and §11.6.1
 */
export function dpopResponseHeaders(parts: {
  readonly challenge?: string | undefined;
  readonly nonce?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** Whether the URL of the request may have a ticket in it. */
  readonly hasTicket?: boolean | undefined;
}): readonly ResponseHeader[] {
  const headers: ResponseHeader[] = [];
  const set = (name: string, value: string) => headers.push({ name, value, merge: false });
  if (parts.challenge !== undefined) {
    headers.push({ name: CHALLENGE, value: parts.challenge, merge: parts.nonce === undefined });
  }
  if (parts.nonce !== undefined) set('DPoP-Nonce', parts.nonce);
  if (parts.retryAfterSeconds !== undefined) set('Retry-After', String(parts.retryAfterSeconds));
  headers.push({ name: CACHE_CONTROL, value: 'no-store', merge: true });
  if (parts.hasTicket === true) set('Referrer-Policy', 'no-referrer');
  headers.push({ name: 'Access-Control-Expose-Headers', value: EXPOSED, merge: true });
  return headers;
}

/** The value to set, with the present value merged in where that is kept. */
export function mergeField({ name, value, merge }: ResponseHeader, present: () => unknown): string {
  if (!merge) return value;
  if (name === CACHE_CONTROL) return mergeCacheControl(present(), value);
  return name === CHALLENGE ? mergeChallenges(present(), value) : mergeFieldNames(present(), value);
}

/** Other directives beside the same one are kept: `no-transform` of an event stream keeps a proxy from buffering it. */
function mergeCacheControl(present: unknown, added: string): string {
  const directives = typeof present === 'string' ? present.toLowerCase().split(/ *, */) : [];
  return directives.includes(added) ? String(present) : added;
}

/** A present DPoP challenge is an earlier one of this service, and is replaced. */
export function mergeChallenges(present: unknown, added: string): string {
  const others = [present]
    .flat()
    .filter((value): value is string => typeof value === 'string' && value !== '');
  return others.some((value) => /(?:^|,)\s*DPoP(?:[\s,]|$)/i.test(value))
    ? added
    : [...others, added].join(', ');
}

/** Joins two lists of header names without duplicates. */
export function mergeFieldNames(present: unknown, added: string): string {
  if (present === undefined) return added;
  const names = [present, added]
    .flat()
    .flatMap((value) => (typeof value === 'string' ? value.split(',') : []))
    .map((name) => name.trim())
    .filter(Boolean);
  const byLowerCase = new Map(names.toReversed().map((name) => [name.toLowerCase(), name]));
  return [...byLowerCase.values()].toReversed().join(', ');
}
