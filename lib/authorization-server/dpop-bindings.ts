import { Inject, Injectable, Logger } from '@nestjs/common';
import type { AuthorizationServerConfig } from '../config/authorization-server-config.js';
import { AUTHORIZATION_SERVER_CONFIG } from '../config/injection-tokens.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopOAuthException } from '../guard/dpop-oauth.exception.js';
import { RequestDecisions } from '../telemetry/decisions.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import {
  type AuthorizationRequestKeys,
  type BindingClient,
  createTokenBinding,
  type SubjectTokenKeys,
  type TokenBinding,
  type TokenRequestKeys,
} from './token-binding.js';

/** SHA-256 in base64url. */
const THUMBPRINT = /^[\w-]{43}$/;

/**
 * Decides what codes, access tokens and refresh tokens are bound to. The app keeps the keys beside its codes and refresh
 * tokens, and passes them here; the service checks them and keeps nothing.
 *
 * @example
 * ```ts
 * const codeJkt = bindings.ofAuthorizationRequest({ dpopJkt: body['dpop_jkt'], jkt });
 * const { confirmation, tokenType } = bindings.ofTokenRequest({ jkt, client, grantJkt: codeJkt });
 * ```
 * @see RFC 9449 §5, §6 and §10
 */
@Injectable()
export class DpopBindings {
  readonly #config: AuthorizationServerConfig;
  readonly #logger = new Logger(DpopBindings.name);

  constructor(@Inject(AUTHORIZATION_SERVER_CONFIG) config: AuthorizationServerConfig) {
    this.#config = config;
  }

  /** Members of the metadata of the server (§5.1). */
  get serverMetadata(): { readonly dpop_signing_alg_values_supported: readonly string[] } {
    return { dpop_signing_alg_values_supported: [...this.#config.proof.algorithms] };
  }

  /**
   * The key that the code is bound to: that of `dpop_jkt`, or of the proof of a pushed request. Both must agree (§10.1). Keep
   * it with the code.
   *
   * @throws DpopOAuthException `invalid_request`; `temporarily_unavailable` for a `jkt` that is no thumbprint
   */
  ofAuthorizationRequest(keys: AuthorizationRequestKeys): string | undefined {
    const jkt = keys.jkt ?? undefined;
    const dpopJkt = keys.dpopJkt ?? undefined;
    this.#assertFacts(adviceOnKeys({ jkt }));
    if (dpopJkt === undefined) return jkt;
    // An array is a parameter that was sent more than once.
    if (!isThumbprint(dpopJkt)) throw this.#refuse(new DpopError('dpop_jkt_malformed'), jkt);
    if (jkt !== undefined && jkt !== dpopJkt) throw this.#refuse(new DpopError('dpop_jkt_mismatch'), jkt);
    return dpopJkt;
  }

  /**
   * What the tokens of this request are bound to. It refuses a request without a proof if the client, the grant or the subject
   * token is bound, and a request with the proof of another key than that of the grant.
   *
   * @throws DpopOAuthException `invalid_dpop_proof`, `invalid_grant` or, for a subject token, `invalid_request`;
   *   `temporarily_unavailable` for facts of the app that are malformed
   */
  ofTokenRequest({ client, ...keys }: TokenRequestKeys): TokenBinding {
    const jkt = keys.jkt ?? undefined;
    const grantJkt = keys.grantJkt ?? undefined;
    const subjectToken = keys.subjectToken ?? undefined;
    const subjectJkt = subjectToken?.jkt ?? undefined;
    this.#assertFacts(
      adviceOnClient(client) ??
        adviceOnSubjectToken(subjectToken) ??
        adviceOnKeys({ jkt, grantJkt, 'subjectToken.jkt': subjectJkt }),
    );
    const isBound = [grantJkt, subjectJkt].some((key) => key !== undefined);
    if (jkt === undefined && (isBound || client.dpopBoundAccessTokens === true))
      throw this.#refuse(new DpopError('proof_missing'), undefined);
    if (grantJkt !== undefined && grantJkt !== jkt)
      throw this.#refuse(new DpopError('grant_key_binding'), jkt);
    const mayExchange = client.type === 'confidential' && subjectToken?.isForClient === true;
    if (subjectJkt !== undefined && subjectJkt !== jkt && !mayExchange)
      // A thief of a bound token must not exchange it for one of his own key. Only the holder of its key may exchange it, or
      // a confidential client that it was sent to.
      throw this.#refuse(new DpopError('subject_token_key_binding'), jkt);
    return createTokenBinding(jkt, client.type === 'public');
  }

  /**
   * Members of the introspection response for an active token that is bound to this key, or to none (§6.2).
   *
   * @throws DpopOAuthException `temporarily_unavailable` for a `jkt` that is no thumbprint
   */
  ofToken(jkt: string | null | undefined): {
    readonly token_type: 'DPoP' | 'Bearer';
    readonly cnf?: { readonly jkt: string };
  } {
    this.#assertFacts(adviceOnKeys({ jkt: jkt ?? undefined }));
    const { tokenType, confirmation } = createTokenBinding(jkt ?? undefined, false);
    return { token_type: tokenType, ...confirmation };
  }

  /** Records of clients and grants come from a database of the app. An unknown value must not make a token unbound. */
  #assertFacts(advice: string | undefined): void {
    if (advice === undefined) return;
    const failure = new DpopUnavailableError('internal_failure', { advice: `DpopBindings: ${advice}` });
    OperatorLog.of(this.#config).failed((level, text) => this.#logger[level](text), failure, {});
    throw new DpopOAuthException(failure);
  }

  #refuse(error: DpopError, jkt: string | undefined): DpopOAuthException {
    OperatorLog.of(this.#config).refused((level, text) => this.#logger[level](text), error, {});
    new RequestDecisions(undefined).rejected(error, { issuer: undefined, clientId: undefined, jkt });
    return new DpopOAuthException(error);
  }
}

function adviceOnClient(client: BindingClient | null | undefined): string | undefined {
  if (typeof client !== 'object' || client === null)
    return 'client must be an object with the type of the client';
  const { type, dpopBoundAccessTokens } = client;
  if (type !== 'public' && type !== 'confidential') return 'client.type must be "public" or "confidential"';
  return typeof (dpopBoundAccessTokens ?? false) === 'boolean'
    ? undefined
    : 'client.dpopBoundAccessTokens must be true or false';
}

function adviceOnSubjectToken(subjectToken: SubjectTokenKeys | undefined): string | undefined {
  if (subjectToken === undefined) return undefined;
  if (typeof subjectToken !== 'object') return 'subjectToken must be an object with jkt and isForClient';
  return typeof subjectToken.isForClient === 'boolean'
    ? undefined
    : 'subjectToken.isForClient must be true or false';
}

function adviceOnKeys(keys: Readonly<Record<string, unknown>>): string | undefined {
  const wrong = Object.entries(keys).find(([, key]) => key !== undefined && !isThumbprint(key));
  return (
    wrong &&
    `${wrong[0]} must be a thumbprint of 43 characters, as it was returned, or undefined or null if there is none`
  );
}

function isThumbprint(value: unknown): value is string {
  return typeof value === 'string' && THUMBPRINT.test(value);
}
