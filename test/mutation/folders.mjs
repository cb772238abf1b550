/** Suites whose subjects touch several folders. */
const APPS =
  'test/(module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision-events)';
const TRANSPORTS = 'test/(graphql.e2e|request-origin|cors|foreign-transports)';
const EXPLANATIONS = 'test/(explained-|received-values)';

/**
 * What is mutated, folder by folder, and what must notice: unit specs first, since they take a second, then the suites
 * over HTTP, as patterns of paths.
 */
export const FOLDERS = {
  proof: {
    mutate: ['lib/proof/*.ts'],
    suites: ['lib/proof/', 'test/rfc-vectors', 'test/hostile-requests'],
  },
  jws: {
    mutate: ['lib/jws/*.ts'],
    suites: ['lib/jws/', 'lib/proof/', 'test/hostile-requests'],
  },
  runtime: {
    mutate: ['lib/runtime/*.ts'],
    suites: ['lib/runtime/', 'test/(signature-turns|replay-store-deadline|caches)', 'test/hostile-requests'],
  },
  http: {
    mutate: ['lib/http/*.ts'],
    suites: [
      'lib/http/',
      'lib/proof/',
      'test/(request-routing|response-head)',
      'test/hostile-requests',
      TRANSPORTS,
      APPS,
    ],
  },
  transport: {
    mutate: ['lib/transport/*.ts'],
    suites: ['test/(request-routing|response-head)', TRANSPORTS, APPS, EXPLANATIONS],
  },
  errors: {
    mutate: ['lib/errors/*.ts'],
    suites: ['lib/errors/', 'test/(options-|policy-values)', 'test/hostile-requests', APPS],
  },
  nonce: {
    mutate: ['lib/nonce/*.ts'],
    suites: ['lib/nonce/', 'test/nonces', 'test/hostile-requests'],
  },
  storage: {
    mutate: ['lib/storage/*.ts'],
    suites: ['lib/storage/', 'test/replay-store-deadline', 'test/hostile-requests', APPS],
  },
  issuer: {
    mutate: ['lib/issuer/*.ts'],
    suites: [
      'lib/issuer/',
      'lib/access-token/',
      'test/(issuers|issuer-faults|issuer-options|caches)',
      'test/(options-|policy-values)',
    ],
  },
  'access-token': {
    mutate: ['lib/access-token/*.ts'],
    suites: ['lib/access-token/', 'test/(issuers|caches)', 'test/hostile-requests'],
  },
  telemetry: {
    mutate: ['lib/telemetry/*.ts'],
    suites: ['lib/telemetry/', EXPLANATIONS, 'test/hostile-log'],
  },
  verification: {
    mutate: ['lib/verification/*.ts'],
    suites: ['lib/verification/', 'test/hostile-requests', TRANSPORTS, APPS, 'test/(caches|nonces|issuers)'],
  },
  config: {
    mutate: ['lib/config/*.ts'],
    suites: ['test/(options-|policy-values)', 'test/hostile-requests', APPS, 'test/nonces'],
  },
  guard: {
    mutate: ['lib/guard/*.ts'],
    suites: ['lib/guard/', 'test/inheritance', TRANSPORTS, APPS, 'test/hostile-requests'],
  },
  module: {
    mutate: ['lib/module/*.ts'],
    suites: ['test/start-', 'test/inheritance', APPS],
  },
};
