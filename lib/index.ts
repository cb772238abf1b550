export { AccessTokenVerifier, type VerifierAcceptance } from './access-token/access-token.verifier.js';
export { confirmClientCertificate } from './access-token/client-certificate.js';
export type { Confirmation, ConfirmationCheck } from './access-token/second-confirmation.js';
export { DpopAuthorizationServerModule } from './authorization-server/dpop-authorization-server.module.js';
export { DpopBindings } from './authorization-server/dpop-bindings.js';
export type {
  DpopAuthorizationServerAsyncOptions,
  DpopAuthorizationServerOptionsFactory,
} from './authorization-server/module-definition.js';
export type {
  AuthorizationRequestKeys,
  BindingClient,
  SubjectTokenKeys,
  TokenBinding,
  TokenRequestKeys,
} from './authorization-server/token-binding.js';
export type { AccessTokenClaims } from './claims/access-token-claims.js';
export { readStandardRights, type RightsReader, type TokenRights } from './claims/token-rights.js';
export type { DpopAuthorizationServerOptions } from './config/authorization-server-options.js';
export type {
  AccessTokenOption,
  CacheOptions,
  DpopModuleOptions,
  MetadataLocation,
  MetadataOptions,
  NonceOptions,
  ProofOptions,
  TrialOptions,
  TicketOptions,
} from './config/dpop-options.js';
export type { DpopErrorCode, RefusalDetail, RefusalReason, UnavailableReason } from './errors/catalogue.js';
export {
  DpopError,
  DpopUnavailableError,
  type RefusalDetails,
  type UnavailableOptions,
} from './errors/dpop.error.js';
export type { DpopActivation } from './guard/activation.js';
export { DpopBound } from './guard/dpop-bound.decorator.js';
export { DpopNonceInterceptor } from './guard/dpop-nonce.interceptor.js';
export { DpopOAuthException } from './guard/dpop-oauth.exception.js';
export { DpopProof } from './guard/dpop-proof.decorator.js';
export { DpopProofGuard } from './guard/dpop-proof.guard.js';
export { DpopHttpException } from './guard/dpop-http.exception.js';
export { DpopGuard } from './guard/dpop.guard.js';
export { DpopStrategy } from './guard/dpop.strategy.js';
export { DpopTickets } from './guard/dpop-tickets.js';
export { getDpopProof } from './guard/get-dpop-proof.js';
export { dpopTracker } from './guard/dpop-tracker.js';
export { getDpopVerdict } from './guard/get-dpop-verdict.js';
export { Dpop, RequireAuthentication, type RoutePolicy, SkipDpop } from './guard/policy.decorators.js';
export {
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthorizationDetails,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
} from './guard/rights.decorators.js';
export { DpopHandshakes } from './handshake/dpop-handshakes.js';
export { DpopSubscriptions } from './handshake/dpop-subscriptions.js';
export type { GraphqlWsHooks, MercuriusHooks } from './handshake/subscription-hooks.js';
export type { HandshakeOutcome, HandshakeRefusal } from './handshake/handshake-outcome.js';
export type { Scheme } from './http/challenge.js';
export type { DpopRequest } from './http/dpop-request.js';
export type { JwtAccessTokenOptions, RequirableClaim } from './issuer/jwt-access-token-options.js';
export type { IssuerResolutionOptions } from './issuer/issuer-resolution.js';
export type { RefusedToken, TokenAdviser } from './issuer/token-adviser.js';
export { type DpopHealth, DpopHealthIndicator } from './module/dpop-health.indicator.js';
export { DpopModule } from './module/dpop.module.js';
export type { DpopModuleAsyncOptions, DpopOptionsFactory } from './module/module-definition.js';
export type { NonceSecretSource } from './nonce/nonce-secret.source.js';
export { type AcceptedNonce, NonceService } from './nonce/nonce.service.js';
export type { Fetch } from './outbound/outbound-request.js';
export { auth0, type Auth0Arguments } from './profiles/auth0.js';
export { entra, type EntraArguments } from './profiles/entra.js';
export { fapi2 } from './profiles/fapi2.js';
export { keycloak, type KeycloakArguments } from './profiles/keycloak.js';
export { mcp } from './profiles/mcp.js';
export { okta, type OktaArguments } from './profiles/okta.js';
export { rfc9068, type Rfc9068Arguments } from './profiles/rfc9068.js';
export { DenyList, type DenyListOptions, type RevocationEntry } from './revocation/deny-list.js';
export { MemoryDenyList, type MemoryDenyListOptions } from './revocation/memory-deny-list.js';
export { type RevocableToken, RevocationChecker } from './revocation/revocation.checker.js';
export type { Clock } from './runtime/clock.js';
export { DpopSessions } from './sessions/dpop-sessions.js';
export type { SessionEnd } from './sessions/session-end.js';
export type { DpopStorage } from './storage/dpop.storage.js';
export { MemoryReplayStore, type MemoryReplayStoreOptions } from './storage/memory-replay.store.js';
export { MemoryStorage } from './storage/memory.storage.js';
export { type ReplayClaim, type ReplayOutcome, ReplayStore } from './storage/replay.store.js';
export type { DpopTicket } from './tickets/ticket-content.js';
export { DPOP_DECISION_CHANNEL, type DpopDecision } from './telemetry/decisions.js';
export { DPOP_REPLAY_CLAIM_CHANNEL, type DpopReplayClaim } from './telemetry/replay-claims.js';
export { DPOP_DIFFERENCE_CHANNEL, type DpopDifference, type DpopOutcome } from './telemetry/differences.js';
export { DpopProofVerifier } from './verification/dpop-proof.verifier.js';
export { DpopVerifier } from './verification/dpop.verifier.js';
export type { DpopExamination } from './verification/examination.js';
export type {
  AuthenticationRequirement,
  AuthorizationDetail,
  AuthorizationDetailPredicate,
  AuthorizationDetailsRequirement,
  DpopPolicy,
  RequiredRole,
  VerdictPredicate,
} from './verification/policy.js';
export type { ProofExamination } from './verification/proof-examination.js';
export type { ProofPolicy } from './verification/proof-policy.js';
export type { DpopProofVerdict } from './verification/proof-verdict.js';
export type { DpopVerdict, UnmetCheck } from './verification/verdict.js';
