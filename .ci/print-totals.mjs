// Prints one line of totals for each run of jest, from its JSON results, then one for all of them.
// Use: print-totals.mjs (LABEL RESULT.json STATUS-OF-THE-TEST-COMMAND)…, with - for what did not run
import { existsSync, readFileSync } from 'node:fs';

const NOTHING = { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1 };

const words = process.argv.slice(2);
const totals = { passed: 0, failed: 0 };
for (let index = 0; index < words.length; index += 3) addRun(...words.slice(index, index + 3));
console.log(`${totals.passed} passed, ${totals.failed} failed`);

function addRun(label, file, status) {
  if (file === '-') {
    console.log(`${label}: NOT RUN`);
    return;
  }
  const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : NOTHING;
  // A file that could not be run holds no test that could fail, and is a failure all the same.
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  console.log(`${label}: ${result.numPassedTests} tests passed, ${failed} failed`);
  if (status !== '0' && failed === 0)
    console.log(`${label}: the test command ended with ${status}, see above`);
  totals.passed += result.numPassedTests;
  totals.failed += failed;
}
