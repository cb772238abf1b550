/** Suites whose subjects touch several folders. */
const APPS =
  'test/(module-registration|guard-|verifier-by-hand|nonce-service|own-|storage-lifecycle|decision)';
const TRANSPORTS = 'test/(graphql.e2e|request-origin|cors|foreign-transports)';
const EXPLANATIONS = 'test/(explained-|received-values)';
const OPTIONS = 'test/(options-|policy-values)';
const ISSUERS = 'test/(issuers|issuer-faults|issuer-options|caches)';

/**
 * Which suites must notice a mutant of each folder of lib, as patterns of paths. Only the tests that reach a mutant are
 * run, the cheapest suite first. The table of hostile requests is dear, and stands only where nothing else will do.
 */
export const FOLDERS = {
  proof: ['lib/proof/', 'test/rfc-vectors'],
  jws: ['lib/(jws|proof)/', 'lib/access-token/jwt-', 'test/caches'],
  runtime: [
    'lib/(runtime|access-token|issuer)/',
    'test/(signature-turns|caches|hostile-log|replay-store-deadline)',
  ],
  http: [
    'lib/(http|guard)/',
    'test/(request-routing|response-head)',
    TRANSPORTS,
    'test/guard-',
    EXPLANATIONS,
  ],
  transport: [
    'lib/(http|transport)/',
    'test/(request-routing|response-head)',
    TRANSPORTS,
    'test/guard-',
    EXPLANATIONS,
  ],
  errors: ['lib/(errors|http)/', OPTIONS, EXPLANATIONS, 'test/response-head'],
  nonce: ['lib/nonce/', 'test/nonces'],
  storage: ['lib/storage/', 'test/(replay-store-deadline|own-replay-store|storage-lifecycle)', EXPLANATIONS],
  issuer: ['lib/(issuer|access-token)/', ISSUERS, OPTIONS],
  'access-token': ['lib/(issuer|access-token)/', ISSUERS, 'test/own-access-tokens'],
  telemetry: ['lib/(telemetry|runtime)/', EXPLANATIONS, 'test/(hostile-log|decision)'],
  verification: [
    'lib/verification/',
    TRANSPORTS,
    APPS,
    EXPLANATIONS,
    'test/(caches|nonces|issuers|step-up|hostile-requests)',
  ],
  config: [OPTIONS, 'test/(issuer-options|nonces)', APPS],
  guard: ['lib/guard/', 'test/(inheritance|step-up|response-head)', TRANSPORTS, APPS, EXPLANATIONS],
  module: ['test/start-', 'test/inheritance', APPS],
};
