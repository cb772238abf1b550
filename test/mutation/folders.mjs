/**
 * Which suites must notice a mutant of each folder of lib, as patterns of paths. Only the tests that reach a mutant are
 * run, the cheapest suite first. The table of hostile requests is dear, and stands only where nothing else will do.
 */
export const FOLDERS = {
  proof: ['lib/proof/', 'test/rfc-vectors'],
  jws: ['lib/(jws|proof)/', 'lib/access-token/jwt-', 'test/caches'],
  nonce: ['lib/nonce/', 'test/(nonces|options-|policy-values)'],
  http: [
    'lib/(http|guard)/',
    'test/(request-routing|response-head|graphql.e2e|request-origin|cors|foreign-transports|module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision|explained-|received-values)',
  ],
  storage: [
    'lib/storage/',
    'test/(replay-store-deadline|module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision|options-|policy-values|explained-|received-values)',
  ],
  'access-token': ['lib/(access-token|issuer)/', 'test/(issuers|issuer-faults|issuer-options|caches)'],
  issuer: ['lib/(access-token|issuer)/', 'test/(issuers|issuer-faults|issuer-options|caches)'],
  errors: [
    'lib/(errors|http)/',
    'test/(module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision|explained-|received-values|options-|policy-values|response-head)',
  ],
  runtime: [
    'lib/(runtime|access-token|issuer)/',
    'test/(signature-turns|caches|hostile-log|replay-store-deadline)',
  ],
  transport: [
    'lib/(http|guard)/',
    'test/(request-routing|response-head|graphql.e2e|request-origin|cors|foreign-transports|module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision|explained-|received-values)',
  ],
  telemetry: [
    'lib/runtime/line-budget',
    'test/(explained-|received-values|hostile-log|module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision)',
  ],
  config: [
    'test/(options-|policy-values|issuer-options|module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision|nonces)',
  ],
  verification: [
    'lib/verification/',
    'test/(options-|policy-values|module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision|graphql.e2e|request-origin|cors|foreign-transports|caches|nonces|issuers|explained-|received-values|step-up|hostile-requests)',
  ],
  guard: [
    'lib/guard/',
    'test/(inheritance|module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision|graphql.e2e|request-origin|cors|foreign-transports|explained-|received-values|step-up|response-head)',
  ],
  module: [
    'test/(start-|inheritance|module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision|options-|policy-values)',
  ],
};
