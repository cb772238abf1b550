import { hash } from 'node:crypto';
import { assertObject } from '../errors/option-asserts.js';
import type { RevocationEntry } from './deny-list.js';

/** One entry of a deny-list, in a form of fixed length that tells nobody whose tokens it is about. */
export interface DenyRecord {
  /** SHA-256 of kind, issuer and value, base64url: 43 characters. */
  readonly key: string;
  /** A cheap hash of the same, 30 bits: most tokens are told from all entries by it, without a digest. */
  readonly tag: number;
  /** Tokens with a later `iat` pass; `Infinity` for a token or a session, of which no token passes. */
  readonly issuedBefore: number;
  /** When no token that the entry is about can be valid any more. */
  readonly endsAtSeconds: number;
}

/** What an entry can be about. The index is part of the tag. */
export const KINDS = ['jti', 'sid', 'sub', 'clientId', 'jkt'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * A token is accepted up to 600 s after its `exp`, with an `iat` up to 600 s ahead, by instances whose clocks differ. An
 * entry is kept for this much longer than its tokens live.
 */
export const MARGIN_SECONDS = 1800;
/** Clocks differ; beyond this, the time is one in milliseconds or a mistake. */
const MAX_AHEAD_SECONDS = 600;

const FORMS =
  'one of { issuer, jti }, { issuer, sid }, { issuer, sub, issuedBefore? }, { issuer, clientId, issuedBefore? } and { jkt, issuedBefore? }';

/**
 * Asserts an entry and makes its record. The error shows no value: a `jti` or a `sub` is nobody else's business.
 *
 * @throws TypeError that names the accepted form
 */
export function createDenyRecord(
  entry: RevocationEntry,
  nowSeconds: number,
  maxTokenLifetimeSeconds: number,
): DenyRecord {
  assertObject(entry, 'The entry of a deny-list', FORMS);
  const members: Readonly<Record<string, unknown>> = entry;
  const [kind, ...others] = KINDS.filter((name) => members[name] !== undefined);
  if (kind === undefined || others.length > 0)
    throw new TypeError(`The entry of a deny-list must be ${FORMS}`);
  const isWhole = kind === 'jti' || kind === 'sid';
  assertMembers(members, [kind, ...(kind === 'jkt' ? [] : ['issuer']), ...(isWhole ? [] : ['issuedBefore'])]);
  const value = textIn(members, kind);
  const issuer = kind === 'jkt' ? '' : textIn(members, 'issuer');
  const issuedBefore = isWhole ? Infinity : timeIn(members, nowSeconds);
  // No token of the entry is issued after this.
  const lastIssueSeconds = isWhole ? nowSeconds : issuedBefore;
  return {
    key: keyOf(kind, issuer, value),
    tag: tagOf(kind, tagOfIssuer(issuer), value),
    issuedBefore,
    endsAtSeconds: Math.ceil(lastIssueSeconds + maxTokenLifetimeSeconds + MARGIN_SECONDS),
  };
}

/** Unknown members are refused: a misspelt `issuedBefore` would revoke more, or less, than was meant. */
function assertMembers(members: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  const unknown = Object.keys(members).find((name) => members[name] !== undefined && !known.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`The entry of a deny-list must be ${FORMS}; beside ${known[0]} it has ${unknown}`);
}

function textIn(members: Readonly<Record<string, unknown>>, name: string): string {
  const value = members[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError(`${name} of the entry of a deny-list must be a string that is not empty`);
}

function timeIn({ issuedBefore }: Readonly<Record<string, unknown>>, nowSeconds: number): number {
  if (issuedBefore === undefined) return nowSeconds;
  const latest = nowSeconds + MAX_AHEAD_SECONDS;
  if (Number.isFinite(issuedBefore) && Number(issuedBefore) >= 0 && Number(issuedBefore) <= latest) {
    return Number(issuedBefore);
  }
  throw new TypeError(
    `issuedBefore of the entry of a deny-list must be in seconds since the Unix epoch, like iat, and at most ${MAX_AHEAD_SECONDS} seconds in the future`,
  );
}

/** JSON keeps kind, issuer and value apart, whatever characters they have. */
export function keyOf(kind: Kind, issuer: string, value: string): string {
  return hash('sha256', JSON.stringify([kind, issuer, value]), 'base64url');
}

/** FNV-1a, over UTF-16 code units. */
const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;
/** An integer of 30 bits is no object, so that a lookup allocates nothing. */
const TAG_MASK = 0x3fffffff;

/** The part of a tag that all entries of one issuer share. */
export function tagOfIssuer(issuer: string): number {
  return fold(OFFSET_BASIS, issuer);
}

export function tagOf(kind: Kind, ofIssuer: number, value: string): number {
  return fold(Math.imul(ofIssuer ^ KINDS.indexOf(kind), PRIME), value) & TAG_MASK;
}

function fold(start: number, text: string): number {
  let tag = start;
  for (let at = 0; at < text.length; at += 1) tag = Math.imul(tag ^ text.charCodeAt(at), PRIME);
  return tag;
}
