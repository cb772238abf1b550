// The command that Stryker starts for a mutant: asks the examiner of run.mjs. Use: ask.mjs SOCKET
import { get } from 'node:http';

const query = new URLSearchParams({
  root: process.cwd(),
  mutant: process.env['__STRYKER_ACTIVE_MUTANT__'] ?? '',
});
const asked = get({ socketPath: process.argv[2], path: `/?${query}` }, (response) => {
  response.pipe(process.stdout);
  process.exitCode = response.statusCode === 200 ? 0 : 1;
});
// Stryker would take any end but that of the examiner for a failed test.
asked.on('error', () => setInterval(() => {}, 60_000));
