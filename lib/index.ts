export { type AccessTokenClaims, AccessTokenVerifier } from './access-token/access-token.verifier.js';
export type { JwtAccessTokenOptions } from './access-token/jwt-access-token.options.js';
export type { Clock } from './clock.js';
export { DpopBound } from './decorators/dpop-bound.decorator.js';
export {
  Dpop,
  RequireAuthentication,
  RequireScopes,
  type RoutePolicy,
  SkipDpop,
} from './decorators/policy.decorators.js';
export { DpopGuard } from './dpop.guard.js';
export { type DpopHealth, DpopHealthIndicator } from './dpop.health.js';
export { DpopModule } from './dpop.module.js';
export type { DpopModuleAsyncOptions, DpopOptionsFactory } from './dpop.module-definition.js';
export type {
  AccessTokenOption,
  CacheOptions,
  DpopModuleOptions,
  NonceOptions,
  ProofOptions,
} from './dpop.options.js';
export type { AuthenticationRequirement, DpopPolicy } from './dpop.policy.js';
export { DpopStrategy } from './dpop.strategy.js';
export type { DpopVerdict } from './dpop.verdict.js';
export type { DpopExamination } from './dpop.examination.js';
export { DpopVerifier } from './dpop.verifier.js';
export type { DpopErrorCode, RefusalDetail, RefusalReason, UnavailableReason } from './errors/catalogue.js';
export type { Scheme } from './errors/challenge.js';
export {
  DpopError,
  DpopUnavailableError,
  type RefusalDetails,
  type UnavailableOptions,
} from './errors/dpop.error.js';
export { DpopHttpException } from './http/dpop-http.exception.js';
export type { DpopRequest } from './http/dpop-request.js';
export type { NonceSecretSource } from './nonce/nonce-secret.source.js';
export { type AcceptedNonce, NonceService } from './nonce/nonce.service.js';
export { MemoryReplayStore, type MemoryReplayStoreOptions } from './replay/memory-replay.store.js';
export { type ReplayClaim, type ReplayOutcome, ReplayStore } from './replay/replay.store.js';
export type { DpopStorage } from './storage/dpop-storage.js';
export { MemoryStorage } from './storage/memory.storage.js';
export { DPOP_DECISION_CHANNEL, type DpopDecision } from './telemetry/decisions.js';
