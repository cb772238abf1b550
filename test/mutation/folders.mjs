/** Suites whose subjects touch several folders. */
const TRANSPORTS = 'test/(graphql.e2e|request-origin|cors|foreign-transports)';
const EXPLANATIONS = 'test/(explained-|received-values)';
const OPTIONS = 'test/(options-|policy-values)';
const ISSUERS = 'test/(issuers|issuer-faults|issuer-options|issuer-settings|resolved-issuers|caches)';
const PROFILES = 'test/(profiles|profile-advice|fapi2)';
const ISSUANCE = 'test/(tickets.e2e|authorization-server)';

/**
 * Which suites must notice a mutant of each folder of lib, as patterns of paths. Only the tests that reach a mutant are
 * run, the cheapest suite first. Where unit specs notice all, they stand alone: the table of hostile requests is dear.
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
  'access-token': [
    'lib/(issuer|access-token)/',
    ISSUERS,
    PROFILES,
    'test/(own-access-tokens|second-confirmation)',
  ],
  claims: ['lib/(claims|access-token)/', 'test/(rights|step-up)'],
  outbound: ['lib/(outbound|issuer)/', 'test/(issuer-faults|introspection.e2e)'],
  profiles: ['lib/profiles/', PROFILES],
  telemetry: ['lib/(telemetry|runtime)/', EXPLANATIONS, 'test/(hostile-log|decision)'],
  verification: ['lib/verification/'],
  tickets: ['lib/tickets/'],
  handshake: ['lib/handshake/'],
  'authorization-server': ['lib/authorization-server/'],
  config: ['lib/config/', 'test/authorization-server'],
  revocation: ['lib/revocation/', 'test/revocation'],
  guard: ['lib/guard/', 'test/(guard-|rights|step-up|get-dpop-verdict|enforcement|trial)', ISSUANCE],
  introspection: ['lib/introspection/'],
  metadata: ['lib/metadata/', 'test/metadata'],
  'security-events': ['lib/security-events/'],
  sessions: ['lib/sessions/'],
  module: ['lib/module/'],
  mcp: ['lib/mcp/'],
  microservices: ['lib/(microservices|transport)/'],
  'platform-ws': ['lib/(platform-ws|handshake)/'],
  'platform-socket.io': ['lib/(platform-socket.io|handshake)/'],
  redis: ['lib/redis/'],
};
