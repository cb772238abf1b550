import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { checkOfReason, nameCheck } from '../lib/cli/checks.js';
import { composeRow, type ExpressibleRow, expressibleRows } from './cli/expressible-rows.js';
import { invoke } from './cli/invoke.js';
import { type Peer, type Provider, startExpressPeer, startProvider } from './cli/peers.js';
import { clock, NOW_MS } from './hostile/baseline.js';
import { type Change, htu, hosts } from './hostile/changes.js';
import { CONFIGURATIONS } from './hostile/configurations.js';
import { clients, thumbprintOf } from './hostile/keys.js';
import { PLATFORMS } from './support/platforms.js';
import { type RecordingApp, startRecordingApp } from './support/recording-app.js';

let folder: string;
const file = (name: string): string => join(folder, name);

const REAL_TIMERS = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dpop-cli-'));
  // The rows have a time of their own, and other servers know no clock but the global one.
  jest.useFakeTimers({ now: NOW_MS, doNotFake: [...REAL_TIMERS] });
});
afterAll(async () => {
  jest.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number;
  readonly stderr: string;
  /** The status of the answer that is explained; 0 if there is none. */
  readonly status: number;
  readonly check: string | undefined;
}

async function send(
  url: string,
  row: Pick<ExpressibleRow, 'from' | 'change'>,
  baseline: readonly Change[],
): Promise<Outcome> {
  const { draft, sent } = composeRow(row, baseline);
  await writeFile(file('proof'), sent.proof);
  await writeFile(file('token'), sent.token);
  const argv = [
    'curl',
    url,
    '-X',
    draft.method,
    '--proof-file',
    file('proof'),
    '--token-file',
    file('token'),
  ];
  const { code, stderr } = await invoke(argv, { clock: () => clock.nowMs });
  const status = Number(/^(\d{3}) /m.exec(stderr)?.[1] ?? 0);
  return { code, stderr, status, check: /^check +(.*)$/m.exec(stderr)?.[1] };
}

/** The request of a row, made for a server on loopback. */
const forServer =
  ({ port }: { readonly port: number }): Change =>
  (draft, context) => {
    const host = `127.0.0.1:${port}`;
    return htu(`http://${host}/accounts`)(hosts(host)(draft, context), context);
  };

/** The defect does not lie in the request itself. */
const isOfProofAlone = (row: ExpressibleRow): boolean => {
  const { draft } = composeRow(row);
  return draft.method === 'GET' && draft.target.startsWith('/accounts?') && draft.fields.length === 4;
};

const PROOFS = [
  'the binding of a token to a key',
  'the form of a proof',
  'the algorithm of a proof',
  'the key of a proof',
  'the signature of a proof',
  'the claims of a proof',
  'the URI of a proof',
];
const ROWS_PER_SUBJECT = 24;

const rowsOf = (subjects: readonly string[]): readonly ExpressibleRow[] =>
  subjects.flatMap((subject) => {
    const rows = expressibleRows([subject]).filter(isOfProofAlone);
    // Spread over the subject; `explain` is tried with all of them.
    const step = Math.max(1, Math.floor(rows.length / ROWS_PER_SUBJECT));
    return rows.filter((_row, index) => index % step === 0);
  });

/** What a server knows less of is another reason for it. */
function expectedCheck(
  { expect: { reason }, ...row }: ExpressibleRow,
  algorithms: readonly string[] | undefined,
): string {
  const { alg } = composeRow(row).draft.proof.header;
  const isUnknown =
    algorithms !== undefined && !reason.startsWith('token') && !algorithms.includes(String(alg));
  const isEarlier = ['proof_malformed', 'proof_claims', 'proof_typ'].includes(reason);
  return nameCheck(checkOfReason(isUnknown && !isEarlier ? 'proof_alg' : reason));
}

interface Comparison {
  readonly wrong: readonly string[];
  readonly named: number;
}

/** Of the rows that the server refuses: whether curl names the check. */
async function compare(
  url: string,
  rows: readonly ExpressibleRow[],
  baseline: readonly Change[],
  algorithms?: readonly string[],
): Promise<Comparison> {
  const wrong: string[] = [];
  let named = 0;
  for (const row of rows) {
    const { code, status, check } = await send(url, row, baseline);
    if (code !== 1 || status >= 500) continue;
    const expected = expectedCheck(row, algorithms);
    if (check === expected) named += 1;
    else wrong.push(`${row.what}: ${expected}, not ${check}`);
  }
  return { wrong, named };
}

describe.each(PLATFORMS)('our own service on %s', (platform) => {
  let app: RecordingApp;
  beforeAll(async () => {
    app = await startRecordingApp(platform, { dpop: CONFIGURATIONS['origin-request']().dpop });
  });
  afterAll(() => app.close());

  test('curl names the check of each hostile row (D9)', async () => {
    const subjects = platform === 'express' ? [...PROOFS, 'access tokens'] : PROOFS.slice(0, 1);
    const { wrong, named } = await compare(`${app.url}/accounts`, rowsOf(subjects), [forServer(app)]);
    expect(wrong).toStrictEqual([]);
    expect(named).toBeGreaterThan(platform === 'express' ? 150 : 10);
  });
});

describe('express-oauth2-jwt-bearer', () => {
  let peer: Peer;
  beforeAll(async () => {
    peer = await startExpressPeer();
  });
  afterAll(() => peer.close());

  test('a valid proof and token are accepted', async () => {
    expect(await send(`${peer.url}/accounts`, { change: [] }, [forServer(peer)])).toMatchObject({
      code: 0,
      stderr: '',
    });
  });

  test('curl names the check of each hostile row that it refuses (D9)', async () => {
    const algorithms = [
      'RS256',
      'RS384',
      'RS512',
      'PS256',
      'PS384',
      'PS512',
      'ES256',
      'ES384',
      'ES512',
      'EdDSA',
    ];
    const rows = rowsOf([...PROOFS, 'access tokens']);
    const { wrong, named } = await compare(`${peer.url}/accounts`, rows, [forServer(peer)], algorithms);
    expect(wrong).toStrictEqual([]);
    expect(named).toBeGreaterThan(120);
  });
});

describe('oidc-provider', () => {
  let provider: Provider;
  beforeAll(async () => {
    provider = await startProvider('https://api.test');
  });
  afterAll(() => provider.close());

  test('curl names the check of each hostile row that its userinfo endpoint refuses (D9)', async () => {
    const token = await provider.issueOpaque(thumbprintOf(clients.es256.publicJwk));
    const opaque: Change = (draft, context) =>
      htu(`${provider.url}/me`)({ ...draft, token: { ...draft.token, compact: () => token } }, context);
    expect(await send(`${provider.url}/me`, { change: [] }, [opaque])).toMatchObject({ code: 0, stderr: '' });
    const rows = rowsOf(PROOFS.slice(1));
    const { wrong, named } = await compare(
      `${provider.url}/me`,
      rows,
      [opaque],
      ['ES256', 'Ed25519', 'EdDSA'],
    );
    expect(wrong).toStrictEqual([]);
    expect(named).toBeGreaterThan(100);
  });
});
