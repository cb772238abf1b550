import type { DpopRequest } from '../http/dpop-request.js';
import { parseJsonSegment } from '../jws/json-segment.js';

/** The values that help to explain a refusal. Never `jti`, `nonce`, `ath`, `jwk`, `cnf`, or claims about the user. */
const PROOF_HEADER = ['typ', 'alg', 'crit'];
const PROOF_CLAIMS = ['htm', 'htu', 'iat', 'exp', 'nbf'];
const TOKEN_HEADER = ['typ', 'alg', 'kid'];
const TOKEN_CLAIMS = ['iss', 'aud', 'iat', 'exp', 'nbf'];
/** Claims whose values are not shown as part of another value either. */
const SECRET_CLAIMS = ['jti', 'nonce', 'ath'];

const MAX_LENGTH = 200;
/** A shorter secret occurs in other texts by chance. */
const MIN_SECRET_LENGTH = 6;

/**
 * What the client sent, unverified, for the option `logReceivedValues`. Each value is cut to 200 characters and escaped to
 * printable ASCII. A value that contains the token, the proof, a segment of them, a ticket, a nonce or a jti is not shown.
 */
export function describeReceived({ method, target, rawHeaders }: DpopRequest): string {
  const token = fieldOf(rawHeaders, 'authorization')?.replace(/^\S* */, '') ?? '';
  const proof = fieldOf(rawHeaders, 'dpop') ?? '';
  const [tokenHeader, tokenClaims] = decode(token);
  const [proofHeader, proofClaims] = decode(proof);
  const secrets = [
    ...ticketsOf({ target, rawHeaders }),
    ...[token, proof].flatMap((text) => [text, ...text.split('.')]),
    ...[tokenClaims, proofClaims].flatMap((claims) => SECRET_CLAIMS.map((name) => claims[name])),
  ].filter((text): text is string => typeof text === 'string' && text.length >= MIN_SECRET_LENGTH);
  const show = (value: unknown): string => showValue(value, secrets);
  const list = (values: Readonly<Record<string, unknown>>, names: readonly string[]): string[] =>
    names.filter((name) => values[name] !== undefined).map((name) => `${name} ${show(values[name])}`);
  const parts = [
    ['request', [`method ${show(method)}`, `target ${show(withoutQuery(target))}`]],
    ['proof', [...list(proofHeader, PROOF_HEADER), ...list(proofClaims, PROOF_CLAIMS)]],
    ['token', [...list(tokenHeader, TOKEN_HEADER), ...list(tokenClaims, TOKEN_CLAIMS)]],
  ] as const;
  const shown = parts.filter(([, values]) => values.length > 0);
  return `received: ${shown.map(([name, values]) => `${name} ${values.join(', ')}`).join('; ')}`;
}

/** Also where the route does not read tickets. */
function ticketsOf({ target, rawHeaders }: Pick<DpopRequest, 'target' | 'rawHeaders'>): readonly string[] {
  const tickets = new URLSearchParams(target.replace(/[^?]*/, '')).getAll('ticket');
  const protocols = fieldOf(rawHeaders, 'sec-websocket-protocol')?.split(/[, ]/) ?? [];
  return [...tickets, ...protocols.map((protocol) => /^ticket\.(.*)/.exec(protocol)?.[1] ?? '')];
}

function fieldOf(rawHeaders: readonly string[], name: string): string | undefined {
  const at = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at === -1 ? undefined : rawHeaders[at + 1];
}

type Values = Readonly<Record<string, unknown>>;

/** Header and claims; empty where they cannot be read. */
function decode(jws: string): readonly [Values, Values] {
  const [header = '', payload = ''] = jws.split('.', 2);
  return [parseJsonSegment(header) ?? {}, parseJsonSegment(payload) ?? {}];
}

function showValue(value: unknown, secrets: readonly string[]): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const whole = typeof value === 'string' ? withoutCredentials(value) : JSON.stringify(value);
  if (secrets.some((secret) => whole.includes(secret))) return '(not shown)';
  const cut = whole.length > MAX_LENGTH ? `${whole.slice(0, MAX_LENGTH)}...` : whole;
  return JSON.stringify(cut).replace(/[^\x20-\x7e]/g, escapeUnit);
}

const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A query may hold a token, and userinfo a password. Only their presence is shown. */
function withoutCredentials(text: string): string {
  return withoutQuery(text).replace(/\/\/[^/]*@/, '//(not shown)@');
}

function withoutQuery(text: string): string {
  return text.replace(/([?#]).*/s, '$1(not shown)');
}
