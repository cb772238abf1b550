import { calculateJwkThumbprint, EmbeddedJWK, type JWTVerifyResult, jwtVerify } from 'jose';
import type { Presented } from './presented.js';
import { isText } from './text.js';

/** What the service is told in its options, written down for the long way. */
export interface LongWayRules {
  readonly origin: string;
  readonly algorithms: readonly string[];
  readonly nowSeconds: number;
  /** By access token: the thumbprint it is bound to. */
  readonly bindings: ReadonlyMap<string, string>;
  /** Nonces that were handed out and are in force. */
  readonly nonces: ReadonlySet<string>;
}

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const COORDINATE_LENGTH: Readonly<Record<string, number>> = {
  'P-256': 43,
  'P-384': 64,
  'P-521': 88,
  Ed25519: 43,
};
/** So great that jose looks at the types of times and leaves their values to us. */
const NO_TIME = Number.MAX_SAFE_INTEGER;

/**
 * Judges proofs as RFC 9449 §4.3 and the requirements say, by jose's `jwtVerify` and rules written without a look at
 * the library's: no caches, no shortcuts, everything anew for each proof.
 */
export class LongWay {
  readonly #seen = new Set<string>();

  constructor(private readonly rules: LongWayRules) {}

  async accepts(presented: Presented): Promise<boolean> {
    try {
      const { payload, protectedHeader } = await this.#verify(presented.proof);
      assert(protectedHeader.typ === 'dpop+jwt');
      assert(!('crit' in protectedHeader) && protectedHeader['b64'] !== false);
      const jkt = await this.#judgeKey(protectedHeader.jwk as Record<string, unknown>, protectedHeader.alg);
      assert(jkt === this.rules.bindings.get(presented.token));
      await this.#judgeClaims(payload, presented);
      // Not joined to one string: where one ends and the other begins must be beyond doubt.
      const identity = JSON.stringify([jkt, payload.jti]);
      assert(!this.#seen.has(identity));
      this.#seen.add(identity);
      return true;
    } catch {
      return false;
    }
  }

  async #verify(proof: string): Promise<JWTVerifyResult> {
    const segments = proof.split('.');
    assert(segments.length === 3 && segments.every((segment) => /^[\w-]+$/.test(segment)));
    assert(segments.slice(0, 2).every(isText));
    return await jwtVerify(proof, findEmbeddedKey, {
      algorithms: [...this.rules.algorithms],
      clockTolerance: NO_TIME,
    });
  }

  async #judgeKey(jwk: Record<string, unknown>, alg: string): Promise<string> {
    assert(!PRIVATE.some((name) => name in jwk));
    assert(jwk['alg'] === undefined || namesOf(alg).includes(jwk['alg']));
    assert(jwk['use'] === undefined || jwk['use'] === 'sig');
    const length = COORDINATE_LENGTH[String(jwk['crv'])];
    const members = jwk['kty'] === 'RSA' ? ['n', 'e'] : jwk['kty'] === 'EC' ? ['x', 'y'] : ['x'];
    for (const member of members) {
      const value = jwk[member];
      assert(typeof value === 'string' && /^[\w-]+$/.test(value));
      assert(jwk['kty'] === 'RSA' || value.length === length);
    }
    if (jwk['kty'] === 'RSA') {
      const [modulus, exponent] = [toNumber(jwk['n']), toNumber(jwk['e'])];
      const bits = modulus.toString(2).length;
      assert(bits >= 2048 && bits <= 4096 && exponent >= 3n && exponent < 2n ** 32n);
    }
    assert(jwk['crv'] === curveOf(alg));
    return await calculateJwkThumbprint(jwk, 'sha256');
  }

  async #judgeClaims(payload: Readonly<Record<string, unknown>>, presented: Presented): Promise<void> {
    const { jti, htm, htu, iat, ath, nonce, exp, nbf } = payload;
    const { nowSeconds, nonces, origin } = this.rules;
    assert(typeof jti === 'string' && jti.length >= 1 && jti.length <= 256);
    assert(htm === presented.method);
    assert(!presented.target.split('?', 1).join().split('/').some(isDotSegment));
    assert(typeof htu === 'string' && plainUri(htu) === plainUri(origin + presented.target));
    const digest = await crypto.subtle.digest('SHA-256', Buffer.from(presented.token));
    assert(ath === Buffer.from(digest).toString('base64url'));
    assert(nonce === undefined || (typeof nonce === 'string' && nonces.has(nonce)));
    assert(isTime(iat) && iat >= nowSeconds - 60 && iat <= nowSeconds + 30);
    assert(exp === undefined || (isTime(exp) && exp + 30 >= nowSeconds));
    assert(nbf === undefined || (isTime(nbf) && nbf - 30 <= nowSeconds));
  }
}

const isDotSegment = (segment: string): boolean => /^(?:\.|%2e){1,2}(?:;|$)/i.test(segment);

function assert(holds: boolean): asserts holds {
  if (!holds) throw new Error('refused');
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY;
}

function toNumber(value: unknown): bigint {
  return BigInt(`0x0${Buffer.from(String(value), 'base64url').toString('hex')}`);
}

/** jose knows both names of Ed25519, but not that they may be mixed. */
const findEmbeddedKey: typeof EmbeddedJWK = (header, token) => {
  const jwk = header?.jwk;
  const { alg } = header ?? {};
  const isOtherName = typeof jwk?.alg === 'string' && namesOf(String(alg)).includes(jwk.alg);
  const named = isOtherName ? { ...header, jwk: { ...jwk, alg } } : header;
  return EmbeddedJWK(named as typeof header, token);
};

/** RFC 9864: one algorithm with two names. */
function namesOf(alg: string): readonly unknown[] {
  return alg === 'EdDSA' || alg === 'Ed25519' ? ['EdDSA', 'Ed25519'] : [alg];
}

function curveOf(alg: string): string | undefined {
  if (alg.startsWith('RS') || alg.startsWith('PS')) return undefined;
  return { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg] ?? 'Ed25519';
}

/**
 * By WHATWG `URL`, which is kept from repairing, and from accepting what is no plain http(s) URI. Not its path: the one
 * of Node 20 leaves `/.a/../b` as it is.
 */
function plainUri(value: string): string {
  const [, path] = /^https?:\/\/[^/?#@\\]+([^?#]*)/i.exec(value) ?? [];
  assert(path !== undefined && /^[\x21-\x7e]+$/.test(value) && !value.includes('\\'));
  assert(!/%(?![\da-f]{2})/i.test(path));
  return new URL(value).origin + withoutDots(path.replaceAll(/%[\da-f]{2}/gi, decodeUnreserved));
}

function decodeUnreserved(escape: string): string {
  const decoded = String.fromCharCode(Number(`0x${escape.slice(1)}`));
  return /[A-Za-z0-9_.~-]/.test(decoded) ? decoded : escape.toUpperCase();
}

/** RFC 3986 §5.2.4 to the letter. */
function withoutDots(path: string): string {
  let input = path || '/';
  let output = '';
  while (input !== '') {
    if (input.startsWith('/./') || input === '/.') input = `/${input.slice(3)}`;
    else if (input.startsWith('/../') || input === '/..') {
      input = `/${input.slice(4)}`;
      output = output.slice(0, Math.max(0, output.lastIndexOf('/')));
    } else {
      const end = input.indexOf('/', 1);
      output += end === -1 ? input : input.slice(0, end);
      input = end === -1 ? '' : input.slice(end);
    }
  }
  return output;
}
