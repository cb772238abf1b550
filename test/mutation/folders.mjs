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
    suites: ['lib/jws/', 'lib/proof/', 'test/signature-turns', 'test/hostile-requests'],
  },
  http: {
    mutate: ['lib/http/*.ts'],
    suites: [
      'lib/http/',
      'test/(request-routing|response-head)',
      'test/hostile-requests',
      'test/(transports|module).e2e',
    ],
  },
  errors: {
    mutate: ['lib/errors/*.ts'],
    suites: ['lib/errors/', 'test/hostile-requests', 'test/module.e2e'],
  },
  nonce: {
    mutate: ['lib/nonce/*.ts'],
    suites: ['lib/nonce/', 'test/nonces', 'test/hostile-requests'],
  },
  replay: {
    mutate: ['lib/replay/*.ts'],
    suites: ['lib/replay/', 'test/replay-store-deadline', 'test/hostile-requests', 'test/module.e2e'],
  },
  'access-token': {
    mutate: ['lib/access-token/*.ts'],
    suites: [
      'lib/access-token/',
      'test/(issuers|issuer-faults|issuer-options|caches)',
      'test/hostile-requests',
      'test/options',
    ],
  },
  decorators: {
    mutate: ['lib/decorators/*.ts'],
    suites: ['test/inheritance', 'test/module.e2e', 'test/transports'],
  },
  start: {
    mutate: ['lib/start/*.ts'],
    suites: ['test/start.e2e', 'test/inheritance'],
  },
  telemetry: {
    mutate: ['lib/telemetry/*.ts'],
    suites: ['lib/telemetry/', 'test/explanations', 'test/hostile-log'],
  },
  root: {
    mutate: ['lib/*.ts'],
    suites: [
      'lib/[^/]+$',
      'test/options',
      'test/hostile-requests',
      'test/(module|transports).e2e',
      'test/(caches|nonces|issuers)',
    ],
  },
};
