/**
 * Which suites must notice a mutant of each folder of lib, as patterns of paths. Only the tests that reach a mutant are
 * run, the cheapest suite first. The table of hostile requests is dear, and stands only where nothing else will do.
 */
export const FOLDERS = {
  proof: ['lib/proof/', 'test/rfc-vectors'],
  jws: ['lib/(jws|proof)/', 'lib/access-token/jwt-', 'test/caches'],
  nonce: ['lib/nonce/', 'test/(nonces|options)'],
  http: ['lib/(http|guard)/', 'test/(request-routing|response-head|transports|module|explanations)'],
  storage: ['lib/storage/', 'test/(replay-store-deadline|module|options|explanations)'],
  'access-token': ['lib/(access-token|issuer)/', 'test/(issuers|issuer-faults|issuer-options|caches)'],
  issuer: ['lib/(access-token|issuer)/', 'test/(issuers|issuer-faults|issuer-options|caches)'],
  errors: ['lib/(errors|http)/', 'test/(module|explanations|options|response-head)'],
  runtime: [
    'lib/(runtime|access-token|issuer)/',
    'test/(signature-turns|caches|hostile-log|replay-store-deadline)',
  ],
  transport: ['lib/(http|guard)/', 'test/(request-routing|response-head|transports|module|explanations)'],
  telemetry: ['lib/runtime/line-budget', 'test/(explanations|hostile-log|module)'],
  config: ['test/(options|issuer-options|module|nonces)'],
  verification: [
    'lib/verification/',
    'test/(options|module|transports|caches|nonces|issuers|explanations|step-up|hostile-requests)',
  ],
  guard: ['lib/guard/', 'test/(inheritance|module|transports|explanations|step-up|response-head)'],
  module: ['test/(start|inheritance|module|options)'],
};
