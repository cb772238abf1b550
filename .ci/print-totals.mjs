// Prints one plain line of totals from jest's JSON result.
// Use: print-totals.mjs RESULT.json STATUS-OF-THE-TEST-COMMAND
import { existsSync, readFileSync } from 'node:fs';

const [file, status] = process.argv.slice(2);
const nothing = { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1 };
const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : nothing;
// A file that could not be run holds no test that could fail, and is a failure all the same.
const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
if (status !== '0' && failed === 0) console.log(`the test command ended with ${status}: see above`);
console.log(`${result.numPassedTests} passed, ${failed} failed`);
