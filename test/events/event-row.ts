import type { TestIssuer } from 'nestjs-dpop/testing';
import type { Field, RawRequest } from '../support/raw-request.js';
import { type EventScene, MEDIA_TYPE, SECRET, type SetOptions } from '../support/security-events.js';

/** What a sender chose. It stands in what is sent, and must not come back. */
export const MARK = 'zq7mark';

/** What a change may need. */
export interface Hand {
  readonly scene: EventScene;
  /** Keys that are none of the transmitter. */
  readonly foreign: TestIssuer;
  /** A Security Event Token that is accepted, and revokes the tokens of alice. */
  readonly set: string;
}

export interface EventRow {
  readonly what: string;
  readonly change: (hand: Hand) => RawRequest | Promise<RawRequest>;
  readonly status: number;
  /** `undefined` for an empty body. */
  readonly err: string | undefined;
  /** In the log. */
  readonly reason: string;
}

export type Changes = Readonly<Record<string, EventRow['change']>>;

export function rowsOf(
  status: number,
  err: string | undefined,
  reason: string,
  changes: Changes,
): readonly EventRow[] {
  return Object.entries(changes).map(([what, change]) => ({ what, change, status, err, reason }));
}

/** The request of a transmitter, with other header fields where they are given; `undefined` leaves one out. */
export function post(body: string, fields: Readonly<Record<string, string | undefined>> = {}): RawRequest {
  const all = { Host: 'localhost', 'Content-Type': MEDIA_TYPE, Authorization: SECRET, ...fields };
  const given = Object.entries(all).filter((field): field is [string, string] => field[1] !== undefined);
  return { method: 'POST', target: '/security-events', fields: given satisfies readonly Field[], body };
}

/** A signed token with other claims, or another header. */
export const signed =
  (changes: SetOptions): EventRow['change'] =>
  async ({ scene }) =>
    post(await scene.sign(changes));

export const withClaims = (claims: SetOptions['claims']): EventRow['change'] =>
  signed({ ...(claims && { claims }) });
export const withHeader = (header: SetOptions['header']): EventRow['change'] =>
  signed({ ...(header && { header }) });

/** The token as text, changed after it was signed. */
export const changed =
  (change: (set: string) => string): EventRow['change'] =>
  ({ set }) =>
    post(change(set));

export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** The token with another header, which is not signed. */
export function reheaded(set: string, change: (header: Record<string, unknown>) => object): string {
  const [header = '', payload = '', signature = ''] = set.split('.');
  const parsed = JSON.parse(Buffer.from(header, 'base64url').toString()) as Record<string, unknown>;
  return `${encode(change(parsed))}.${payload}.${signature}`;
}
