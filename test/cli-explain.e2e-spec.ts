import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkOfReason, CHECKS, type CheckName } from '../lib/cli/checks.js';
import type { RefusalReason } from '../lib/index.js';
import { invoke } from './cli/invoke.js';
import { composeRow, type ExpressibleRow, expressibleRows } from './cli/expressible-rows.js';
import { AUDIENCE, ISSUER, now, NOW_MS, ORIGIN } from './hostile/baseline.js';
import { type Change, jwk, proofClaims, proofHeader } from './hostile/changes.js';
import { clients, issuers, keySetOf } from './hostile/keys.js';

let folder: string;
let jwksFile: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dpop-cli-'));
  jwksFile = join(folder, 'jwks.json');
  await writeFile(jwksFile, JSON.stringify(keySetOf(issuers.main)));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The titles of lines, by their outcome. */
interface Report {
  readonly code: number;
  readonly text: string;
  readonly fails: readonly string[];
}

async function explain(row: {
  readonly change: readonly Change[];
  readonly from?: readonly Change[];
}): Promise<Report> {
  const { draft, sent } = composeRow(row);
  const head = sent.request.fields?.map(([name, value]) => `${name}: ${value}`).join('\n') ?? '';
  const url = ORIGIN + draft.target;
  const known = ['--issuer', ISSUER, '--audience', AUDIENCE, '--jwks', jwksFile];
  const { code, stdout, stderr } = await invoke(['explain', url, '-X', draft.method, ...known], {
    stdin: head,
    clock: () => NOW_MS,
  });
  return { code, text: stdout + stderr, fails: failingLines(stdout) };
}

/** Such as `9 htu`, or `aud` of the token. */
const failingLines = (text: string): readonly string[] =>
  [...text.matchAll(/^ *(\d*) +(\S.*?) +FAILS/gm)].map(([, number, title]) => `${number} ${title}`.trim());

function lineOf(reason: ExpressibleRow['expect']['reason']): string | undefined {
  const check = checkOfReason(reason);
  if (!(check in CHECKS)) return undefined;
  const [number, title] = CHECKS[check as CheckName];
  return `${number} ${title}`;
}

test('of a valid request every check holds that can be made (C1, C2, C3, C4, C5, C6, C7, C8, C9, C11, C12)', async () => {
  const { code, text, fails } = await explain({ change: [] });
  expect({ code, fails }).toEqual({ code: 0, fails: [] });
  const holds = [...text.matchAll(/^ *(\d+) .* holds/gm)].map(([, number]) => Number(number));
  expect(holds).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 12]);
  expect(text).toMatch(/ 10 +nonce +not checked/);
});

const PROOFS = [
  'the credentials of a request',
  'the binding of a token to a key',
  'the form of a proof',
  'the algorithm of a proof',
  'the key of a proof',
  'keys under which anybody can sign',
  'the signature of a proof',
  'the claims of a proof',
  'the URI of a proof',
];

test.each(PROOFS)('%s: of each hostile row the check fails that the service names (D9)', async (subject) => {
  const rows = expressibleRows([subject]).filter(({ expect: { reason } }) => !reason.startsWith('token'));
  const wrong: string[] = [];
  let told = 0;
  for (const row of rows) {
    const { code, fails } = await explain(row);
    // Such a text cannot be given to a command.
    if (code === 2) continue;
    told += 1;
    const expected = lineOf(row.expect.reason) ?? 'none';
    if (code !== 1 || !fails.includes(expected)) wrong.push(`${row.what}: ${expected}, not ${fails.join()}`);
  }
  expect(wrong).toStrictEqual([]);
  expect(told).toBeGreaterThan(0.9 * rows.length);
});

/** Many issuers send it: the line holds, and says which option a service needs. */
const isAdvisedOnly = ({ what }: ExpressibleRow): boolean => what.includes('typ JWT where at+jwt is due');

const LINE_OF_TOKEN: Readonly<Partial<Record<RefusalReason, RegExp>>> = {
  token_issuer: /^iss$/,
  token_audience: /^aud$/,
  token_type: /^typ$/,
  token_expired: /^times$/,
  token_not_yet_valid: /^times$/,
  token_unbound: /^cnf\.jkt$/,
  token_too_large: /^header$/,
};

test('of each hostile row about access tokens the line fails that the service names (B1, B2)', async () => {
  const rows = expressibleRows(['access tokens', 'the binding of a token to a key']).filter(
    ({ expect: { reason } }) => reason.startsWith('token'),
  );
  const wrong: string[] = [];
  for (const row of rows) {
    const { code, fails, text } = await explain(row);
    if (code === 2 || text.includes('not a signed JWT') || isAdvisedOnly(row)) continue;
    const expected = LINE_OF_TOKEN[row.expect.reason] ?? /^\D/;
    if (code !== 1 || !fails.some((line) => expected.test(line)))
      wrong.push(`${row.what}: ${expected}, not ${fails.join()}`);
  }
  expect(wrong).toStrictEqual([]);
  expect(rows.length).toBeGreaterThan(50);
});

describe('what is told', () => {
  test('several failures at once, each with what was claimed and expected, and what to change', async () => {
    const { text, fails } = await explain({
      change: [proofHeader({ typ: 'JWT' }), proofClaims({ htm: 'POST', iat: now() - 500, jti: undefined })],
    });
    expect(fails).toEqual(['3 required claims', '4 typ', '8 htm', '11 iat']);
    expect(text).toMatch(
      /8 +htm +FAILS: The htm claim does not match.*\n +claimed +POST\n +expected +GET\n +→ set htm/,
    );
    expect(text).toContain('4 checks fail: required claims, typ, htm, iat.');
  });

  test('checks of a proof whose algorithm the server does not accept (C5)', async () => {
    const { sent } = composeRow({ change: [proofClaims({ htm: 'PUT' })] });
    const head = sent.request.fields?.map(([name, value]) => `${name}: ${value}`).join('\n') ?? '';
    const argv = ['explain', `${ORIGIN}/accounts`, '--algs', 'PS256'];
    const { stdout } = await invoke(argv, { stdin: head, clock: () => NOW_MS });
    expect(failingLines(stdout)).toEqual(['5 alg', '8 htm']);
    expect(stdout).toMatch(/6 +signature +holds/);
  });

  test('never a private part of a key, the token or a signature (D5)', async () => {
    const { d } = clients.es256.privateKey.export({ format: 'jwk' });
    const { text, fails } = await explain({ change: [jwk({ d })] });
    const { sent } = composeRow({ change: [jwk({ d })] });
    expect(fails).toEqual(['7 jwk, a public key']);
    expect(text).toContain('with the members kty, x, y, crv, d');
    expect(text).not.toContain(d);
    for (const segment of sent.token.split('.')) expect(text).not.toContain(segment);
  });

  test('nothing that could command a terminal', async () => {
    const { text } = await explain({ change: [proofClaims({ htm: 'GET\u001B[2J', htu: '\u202Eevil' })] });
    expect(text).toContain('GET\\u{1b}[2J');
    expect(text).not.toMatch(/[^\x20-\x7e\n…→§]/);
  });

  test('whether a nonce is the last one of the server (C10)', async () => {
    const asked = async (nonce: string | undefined) => {
      const { sent } = composeRow({ change: [proofClaims({ nonce })] });
      const head = sent.request.fields?.map(([name, value]) => `${name}: ${value}`).join('\n') ?? '';
      const argv = ['explain', `${ORIGIN}/accounts`, '--nonce', 'expected'];
      return failingLines((await invoke(argv, { stdin: head, clock: () => NOW_MS })).stdout);
    };
    expect(await asked('expected')).toStrictEqual([]);
    expect(await asked('another')).toEqual(['10 nonce']);
    expect(await asked(undefined)).toEqual(['10 nonce']);
  });

  test('a proof without a token, as for a token endpoint', async () => {
    const { sent } = composeRow({ change: [proofClaims({ ath: undefined })] });
    const file = join(folder, 'proof.txt');
    await writeFile(file, `DPoP: ${sent.proof}\n`);
    const argv = ['explain', `${ORIGIN}/accounts`, '--proof-file', file, '--at', String(Math.floor(now()))];
    const { code, stdout } = await invoke(argv);
    expect({ code, fails: failingLines(stdout) }).toEqual({ code: 0, fails: [] });
    expect(stdout).toMatch(/12 +ath +not checked: there is no access token/);
  });

  test.each([
    [['explain'], 'URL is missing'],
    [['explain', 'localhost:3000'], 'URL must be an http or https URL'],
    [['explain', 'https://user:secret@api.test/'], 'without user and password'],
    [['explain', `${ORIGIN}/`, '--token', 'x'], '--token-file'],
    [['explain', `${ORIGIN}/`, '--token-file', 'x'], 'give --proof-file'],
    [['explain', `${ORIGIN}/`, '--proof-file', '/nowhere'], 'cannot read /nowhere (ENOENT)'],
    [['explain', `${ORIGIN}/`, '--proof-file', '-', '--token-file', '-'], 'only one input'],
    [['explain', `${ORIGIN}/`, '--algs', 'HS256'], 'cannot verify'],
    [['explain', `${ORIGIN}/`, '--at', 'noon'], '--at must be an integer'],
    [['explain', `${ORIGIN}/`, '--nope'], "Unknown option '--nope'"],
    [['explain', `${ORIGIN}/`], 'there is no header line'],
  ])('wrong use ends with 2: %j', async (argv, words) => {
    const { code, stderr, stdout } = await invoke(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(words);
    expect(stderr).not.toContain('secret@');
  });
});
