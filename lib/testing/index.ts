export {
  TestClient,
  type TestClientOptions,
  type TestFetchInit,
  type TestProofOptions,
} from './test-client.js';
export { TestIssuer, type TestIssuerOptions, type TestTokenOptions } from './test-issuer.js';
