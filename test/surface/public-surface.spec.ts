import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { describeExports } from './describe-exports.js';

const LISTING = fileURLToPath(new URL('public-surface.txt', import.meta.url));
const ENTRIES = [
  'lib/index.ts',
  'lib/introspection/index.ts',
  'lib/opentelemetry/index.ts',
  'lib/swagger/index.ts',
  'lib/platform-socket.io/index.ts',
  'lib/mcp/index.ts',
  'lib/microservices/index.ts',
  'lib/platform-ws/index.ts',
  'lib/redis/index.ts',
  'lib/security-events/index.ts',
  'lib/testing/index.ts',
];

/** What apps can depend on. A change here is a change for them: it belongs into CHANGELOG.md. */
test('the public surface is the one in public-surface.txt; `npm run surface` writes it anew', () => {
  const listing = ENTRIES.map((entry) => `# ${entry}\n${describeExports(entry)}\n`).join('\n');
  if (process.env['WRITE_SURFACE'] === '1') writeFileSync(LISTING, listing);
  expect(listing).toBe(readFileSync(LISTING, 'utf8'));
});
