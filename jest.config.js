/** Jest as native ESM; decorators and their metadata through SWC, coverage by V8-independent instrumentation. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/lib', '<rootDir>/test'],
  testRegex: '\\.(spec|e2e-spec)\\.ts$',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^nestjs-dpop$': '<rootDir>/lib/index.ts',
    '^nestjs-dpop/(introspection|mcp|microservices|opentelemetry|platform-socket\\.io|platform-ws|redis|security-events|swagger|testing)$':
      '<rootDir>/lib/$1/index.ts',
    // CommonJS, from which Jest cannot load Nest. Its sources become ESM as ours do.
    '^@rekog/mcp-nest$': '<rootDir>/node_modules/@rekog/mcp-nest/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': ['$1.ts', '$1.js'],
  },
  transformIgnorePatterns: ['/node_modules/(?!@rekog/mcp-nest/)'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  collectCoverageFrom: ['lib/**/*.ts', '!lib/**/*.spec.ts', '!lib/**/index.ts'],
  coverageThreshold: { global: { lines: 95, branches: 90 } },
  coverageReporters: ['text-summary', 'json-summary'],
  maxWorkers: 2,
  // No test measures time; a busy machine may be slow.
  testTimeout: 60_000,
  workerIdleMemoryLimit: '512MB',
};
