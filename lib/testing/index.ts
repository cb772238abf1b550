export type { ConformanceCheck } from './conformance-check.js';
export { nonceServiceChecks, type NonceServiceSetUp } from './nonce-service-checks.js';
export { replayStoreChecks } from './replay-store-checks.js';
export type { ReplayStoreSetUp } from './replay-store-set-up.js';
export {
  TestClient,
  type TestClientOptions,
  type TestFetchInit,
  type TestProofOptions,
} from './test-client.js';
export { TestGuard } from './test-guard.js';
export { TestIssuer, type TestIssuerOptions, type TestTokenOptions } from './test-issuer.js';
export { createTestVerdict, type TestVerdictOptions } from './test-verdict.js';
