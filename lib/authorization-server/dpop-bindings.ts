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
   * @throws DpopOAuthException `invalid_request`
   */
  ofAuthorizationRequest({ dpopJkt, jkt }: AuthorizationRequestKeys): string | undefined {
    if (dpopJkt === undefined) return jkt;
    // An array is a parameter that was sent more than once.
    if (typeof dpopJkt !== 'string' || !THUMBPRINT.test(dpopJkt))
      throw this.#refuse(new DpopError('dpop_jkt_malformed'), jkt);
    if (jkt !== undefined && jkt !== dpopJkt) throw this.#refuse(new DpopError('dpop_jkt_mismatch'), jkt);
    return dpopJkt;
  }

  /**
   * What the tokens of this request are bound to. It refuses a request without a proof if the client, the grant or the subject
   * token is bound, and a request with the proof of another key than that of the grant.
   *
   * @throws DpopOAuthException `invalid_dpop_proof`, `invalid_grant` or, for a subject token, `invalid_request`
   */
  ofTokenRequest({ jkt, client, grantJkt, subjectToken }: TokenRequestKeys): TokenBinding {
    this.#assertFacts(client, subjectToken);
    const isBound = [grantJkt, subjectToken?.jkt].some((key) => key !== undefined);
    if (jkt === undefined && (isBound || client.dpopBoundAccessTokens === true))
      throw this.#refuse(new DpopError('proof_missing'), undefined);
    if (grantJkt !== undefined && grantJkt !== jkt)
      throw this.#refuse(new DpopError('grant_key_binding'), jkt);
    if (!mayExchange(subjectToken, client, jkt))
      throw this.#refuse(new DpopError('subject_token_key_binding'), jkt);
    return createTokenBinding(jkt, client.type === 'public');
  }

  /** Members of the introspection response for an active token that is bound to this key, or to none (§6.2). */
  ofToken(jkt: string | undefined): {
    readonly token_type: 'DPoP' | 'Bearer';
    readonly cnf?: { readonly jkt: string };
  } {
    const { tokenType, confirmation } = createTokenBinding(jkt, false);
    return { token_type: tokenType, ...confirmation };
  }

  /** Records of clients come from a database of the app. An unknown value must not make a refresh token unbound. */
  #assertFacts(client: BindingClient, subjectToken: SubjectTokenKeys | undefined): void {
    const { type, dpopBoundAccessTokens = false } = client;
    const advice =
      type !== 'public' && type !== 'confidential'
        ? 'client.type must be "public" or "confidential"'
        : typeof dpopBoundAccessTokens !== 'boolean'
          ? 'client.dpopBoundAccessTokens must be true or false'
          : subjectToken !== undefined && typeof subjectToken.isForClient !== 'boolean'
            ? 'subjectToken.isForClient must be true or false'
            : undefined;
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

/**
 * A thief of a bound token must not exchange it for one of his own key. Only the holder of its key may exchange it, or a
 * confidential client that it was sent to.
 */
function mayExchange(
  subjectToken: SubjectTokenKeys | undefined,
  { type }: BindingClient,
  jkt: string | undefined,
): boolean {
  if (subjectToken?.jkt === undefined || subjectToken.jkt === jkt) return true;
  return type === 'confidential' && subjectToken.isForClient;
}
