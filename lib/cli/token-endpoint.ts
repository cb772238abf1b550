import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SignJWT } from 'jose';
import { DpopError } from '../errors/dpop.error.js';
import type { JsonObject } from '../jws/json-object.js';
import type { NonceService } from '../nonce/nonce.service.js';
import type { Clock } from '../runtime/clock.js';
import { MemoryReplayStore } from '../storage/memory-replay.store.js';
import { ProofVerifier } from '../verification/proof.verifier.js';
import { ReplayCheck } from '../verification/replay-check.js';
import type { VerificationRules } from '../verification/verification-rules.js';
import { readCredentialFields } from '../http/credentials.js';
import type { SigningKey } from './key-file.js';
import { createProofRules } from './proof-rules.js';

/** What tokens say, and who signs them. */
export interface TokenSettings {
  /** `aud` of tokens whose request names no API. */
  readonly audience: string;
  /** Claims of every token, over the defaults. */
  readonly claims: JsonObject;
  readonly expiresInSeconds: number;
  readonly key: SigningKey;
  readonly clock: Clock;
}

export interface Reply {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

const MAX_FORM_BYTES = 65_536;

/** Issues nothing, and knows no nonce. */
const NO_NONCES: NonceService = {
  maxLifetimeSeconds: 1,
  issue: () => {
    throw new Error('this issuer demands no nonce');
  },
  check: () => undefined,
};

/** The token endpoint of the development issuer: client credentials (RFC 6749 §4.4) with a proof (RFC 9449 §5). */
export class TokenEndpoint {
  readonly algorithms: readonly string[];
  readonly #rules: VerificationRules;
  readonly #proofs: ProofVerifier;
  readonly #replays: ReplayCheck;

  constructor(
    private readonly issuer: string,
    private readonly settings: TokenSettings,
  ) {
    this.#rules = createProofRules(new URL(issuer), settings.clock);
    this.algorithms = [...this.#rules.proof.algorithms];
    this.#proofs = new ProofVerifier(this.#rules, NO_NONCES);
    this.#replays = new ReplayCheck(this.#rules, new MemoryReplayStore({ maxEntries: 100_000 }));
  }

  async answer(request: IncomingMessage): Promise<Reply> {
    if (request.method !== 'POST') return refuse('invalid_request', 'The token endpoint takes POST', 405);
    const form = await readForm(request);
    if (form === undefined) return refuse('invalid_request', 'The form is too large');
    if (form.get('grant_type') !== 'client_credentials')
      return refuse('unsupported_grant_type', 'This issuer knows client_credentials only');
    try {
      return await this.#issue(await this.#thumbprintOf(request), form, clientOf(request, form));
    } catch (error) {
      if (!(error instanceof DpopError)) throw error;
      return refuse('invalid_dpop_proof', error.message);
    }
  }

  /** @throws DpopError */
  async #thumbprintOf({ method = '', url = '', rawHeaders }: IncomingMessage): Promise<string> {
    const { dpop, dpopCount } = readCredentialFields(rawHeaders);
    if (dpopCount > 1) throw new DpopError('proof_repeated');
    if (dpop === '') throw new DpopError('proof_missing');
    const proof = await this.#proofs.verify(dpop, { method, target: url, rawHeaders });
    await this.#replays.record(proof);
    return proof.key.jkt;
  }

  async #issue(jkt: string, form: URLSearchParams, clientId: string): Promise<Reply> {
    const { key, audience, claims, expiresInSeconds, clock } = this.settings;
    const nowSeconds = Math.floor(clock() / 1000);
    const scope = form.get('scope') ?? undefined;
    const named = [...form.getAll('resource'), ...form.getAll('audience')];
    const token = await new SignJWT({
      iss: this.issuer,
      aud: named.length > 1 ? named : (named[0] ?? audience),
      sub: clientId,
      client_id: clientId,
      jti: randomUUID(),
      iat: nowSeconds,
      exp: nowSeconds + expiresInSeconds,
      ...(scope !== undefined && { scope }),
      ...claims,
      cnf: { jkt },
    })
      .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.jkt })
      .sign(key.privateKey);
    const body = {
      access_token: token,
      token_type: 'DPoP',
      expires_in: expiresInSeconds,
      ...(scope !== undefined && { scope }),
    };
    return { status: 200, body };
  }
}

function refuse(error: string, description: string, status = 400): Reply {
  return { status, body: { error, error_description: description } };
}

/** `undefined` for a form that is too large. */
async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_FORM_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

/** Any client is served; no secret is compared. */
function clientOf({ headers }: IncomingMessage, form: URLSearchParams): string {
  const [, basic] = /^basic +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  const [id = ''] = Buffer.from(basic ?? '', 'base64')
    .toString()
    .split(':');
  return form.get('client_id') ?? (new URLSearchParams(`=${id}`).get('') || 'developer');
}
