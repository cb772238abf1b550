import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Dpop, DpopBound, DpopGuard, RequireScopes } from 'nestjs-dpop';
import { COMMANDS } from '../lib/cli/commands.js';
import { invoke } from './cli/invoke.js';
import { CLIENT, type Provider, startProvider } from './cli/peers.js';
import { type RunningIssuer, startIssuer } from './cli/running-issuer.js';
import { ROOT } from './documents/snippets.js';
import { RedisServer } from './redis/redis-server.js';
import { PLATFORMS } from './support/platforms.js';
import { startRecordingApp } from './support/recording-app.js';
import { closeApps } from './support/running-app.js';

const AUDIENCE = 'https://api.test';
const JWT = /eyJ[\w-]+\.[\w-]+\.[\w-]+/;

let folder: string;
const file = (name: string): string => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dpop-cli-'));
});
afterEach(async () => {
  await closeApps();
  await rm(folder, { recursive: true, force: true });
});

@UseGuards(DpopGuard)
@Controller('accounts')
class AccountsController {
  @Get()
  list(@DpopBound() jkt: string, @DpopBound('claims') { sub }: { readonly sub?: unknown }) {
    return { jkt, sub };
  }

  @Get('statements')
  @RequireScopes('statements:read')
  statements() {
    return [];
  }

  @Post()
  @Dpop({ nonce: 'required' })
  open() {
    return { opened: true };
  }
}

const startApp = (platform: (typeof PLATFORMS)[number], issuer: string, audience = AUDIENCE) =>
  startRecordingApp(platform, {
    dpop: { origin: 'request', accessToken: { issuer, audience, keysCooldownSeconds: 0 }, metadata: {} },
    controllers: [AccountsController],
  });

describe('help', () => {
  test('the table of commands, and each command by itself', async () => {
    const overview = await invoke(['--help']);
    expect(overview.code).toBe(0);
    for (const [name, { summary, options }] of COMMANDS) {
      expect(overview.stdout).toContain(summary);
      const help = await invoke([name, '--help']);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      for (const option of Object.keys(options)) expect(help.stdout).toContain(`--${option}`);
      expect(help.stdout).toContain('Exit codes:');
    }
  });

  test('no command, or an unknown one, ends with 2', async () => {
    expect((await invoke([])).code).toBe(2);
    const { code, stderr } = await invoke(['steal']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('no command "steal"') });
  });
});

describe('key and proof', () => {
  test('a key file only its owner may read, never written over, of which the private part is never printed', async () => {
    const made = await invoke(['key', file('key.json')]);
    const text = await readFile(file('key.json'), 'utf8');
    const { d } = JSON.parse(text) as { d: string };
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w-]{43}\n$/) });
    expect((await stat(file('key.json'))).mode & 0o777).toBe(0o600);
    const again = await invoke(['key', file('key.json'), '--alg', 'Ed25519']);
    expect(again).toMatchObject({
      code: 0,
      stdout: made.stdout,
      stderr: expect.stringContaining('unchanged'),
    });
    expect(await readFile(file('key.json'), 'utf8')).toBe(text);
    const shown = await invoke(['key', file('key.json'), '--public']);
    expect(shown.stdout + made.stderr + again.stderr).not.toContain(d);
  });

  test.each(['ES256', 'ES512', 'PS256', 'RS256', 'Ed25519', 'EdDSA'])(
    'a proof by %s of which every check holds (C6)',
    async (alg) => {
      await invoke(['key', file('key.json'), '--alg', alg]);
      const url = 'https://api.test/accounts?page=2';
      const argv = ['proof', url, '-X', 'POST', '--key', file('key.json'), '--nonce', 'n-1'];
      const { code, stdout } = await invoke(argv);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^DPoP: \S+\n$/) });
      const explained = await invoke(['explain', url, '-X', 'POST', '--nonce', 'n-1', '--head', '-'], {
        stdin: stdout,
      });
      expect(explained).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Nothing that could be checked fails'),
      });
    },
  );

  test('others that may read a key file are a warning, and a file without a key is an error', async () => {
    await invoke(['key', file('key.json')]);
    await writeFile(file('open.json'), await readFile(file('key.json')), { mode: 0o644 });
    const warned = await invoke(['proof', 'https://api.test/', '--key', file('open.json')]);
    expect(warned).toMatchObject({ code: 0, stderr: expect.stringContaining('chmod 600') });
    await writeFile(file('public.json'), (await invoke(['key', file('key.json'), '--public'])).stdout);
    const refused = await invoke(['proof', 'https://api.test/', '--key', file('public.json')]);
    expect(refused).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('must hold a private JWK'),
    });
  });
});

describe.each(PLATFORMS)('issuer and curl with a service on %s', (platform) => {
  let issuer: RunningIssuer;
  beforeEach(async () => {
    issuer = await startIssuer(['--key-file', file('issuer.json'), '--claims', '{"sub":"ada"}']);
  });
  afterEach(async () => {
    expect(await issuer.stop()).toMatchObject({ code: 0 });
  });

  test('a guarded route answers in one go, and neither token nor proof is printed', async () => {
    const app = await startApp(platform, issuer.url);
    const { code, stdout, stderr } = await invoke(['curl', '--issuer', issuer.url, `${app.url}/accounts`]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ sub: 'ada' });
    expect(stdout).not.toMatch(JWT);
  });

  test('a demand for a nonce is answered, with the same method and body (E2)', async () => {
    const app = await startApp(platform, issuer.url);
    const argv = ['curl', `${app.url}/accounts`, '--issuer', issuer.url, '-d', '{"name":"new"}', '-i'];
    const { code, stdout } = await invoke(argv);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^HTTP\/1.1 201 .*\{"opened":true\}$/s),
    });
  });

  test('a key and a token are kept in files, and both are used again', async () => {
    const app = await startApp(platform, issuer.url);
    const url = `${app.url}/accounts`;
    const { stdout: jkt } = await invoke(['key', file('key.json')]);
    const saving = ['--key', file('key.json'), '--save-token', file('token')];
    expect(await invoke(['curl', url, '--issuer', issuer.url, ...saving])).toMatchObject({ code: 0 });
    expect((await stat(file('token'))).mode & 0o777).toBe(0o600);
    const again = await invoke(['curl', url, '--key', file('key.json'), '--token-file', '-'], {
      stdin: await readFile(file('token'), 'utf8'),
    });
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining(jkt.trim()) });
    const proof = await invoke([
      'proof',
      url,
      '--key',
      file('key.json'),
      '--token-file',
      file('token'),
      '--headers',
    ]);
    const headers = Object.fromEntries(
      proof.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(': ') as [string, string]),
    );
    expect((await fetch(url, { headers })).status).toBe(200);
  });

  test('a missing scope is told with the scopes of the challenge (D2)', async () => {
    const app = await startApp(platform, issuer.url);
    const url = `${app.url}/accounts/statements`;
    const refused = await invoke(['curl', url, '--issuer', issuer.url]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toMatch(/^check +the requirements of the route$/m);
    expect(refused.stderr).toMatch(/^server +403 Forbidden; insufficient_scope: .*; scope statements:read;/m);
    expect(await invoke(['curl', url, '--issuer', issuer.url, '--scope', 'statements:read'])).toMatchObject({
      code: 0,
    });
  });

  test.each([
    [
      'the audience of the service is another one',
      (url: string) => ({ accessToken: { issuer: url, audience: 'https://other.test' } }),
      'the access token',
      'option audience',
    ],
    [
      'the origin of the service is another one',
      () => ({ origin: 'https://public.test' }),
      'check 9 of §4.3, htu',
      'option origin',
    ],
    [
      'the service accepts another algorithm',
      () => ({ proof: { algorithms: ['PS256'] } }),
      'check 5 of §4.3, alg',
      'accepted algorithms',
    ],
  ])('%s: check, server, client and what to change (D9)', async (_what, changes, check, change) => {
    const app = await startRecordingApp(platform, {
      dpop: {
        origin: 'request',
        accessToken: { issuer: issuer.url, audience: AUDIENCE },
        ...changes(issuer.url),
      },
      controllers: [AccountsController],
    });
    const { code, stderr } = await invoke(['curl', `${app.url}/accounts`, '--issuer', issuer.url]);
    expect(code).toBe(1);
    expect(stderr).toContain(`\ncheck   ${check}\n`);
    expect(stderr).toMatch(/^server +401 Unauthorized; invalid_/m);
    expect(stderr).toContain(`client  GET ${app.url}/accounts\n`);
    expect(/^change +(.*)$/m.exec(stderr)?.[1]).toContain(change);
    expect(stderr).not.toMatch(JWT);
  });

  test('the key of the issuer stays the same from run to run, so that a running service needs no restart', async () => {
    const app = await startApp(platform, issuer.url);
    const argv = ['curl', `${app.url}/accounts`, '--issuer', issuer.url];
    expect(await invoke(argv)).toMatchObject({ code: 0 });
    const keys = await (await fetch(`${issuer.url}/jwks`)).text();
    await issuer.stop();
    issuer = await startIssuer(['--port', new URL(issuer.url).port, '--key-file', file('issuer.json')]);
    expect(await (await fetch(`${issuer.url}/jwks`)).text()).toBe(keys);
    expect(await invoke(argv)).toMatchObject({ code: 0 });
    expect((await stat(file('issuer.json'))).mode & 0o777).toBe(0o600);
  });
});

describe('the development issuer', () => {
  test.each(['0.0.0.0', '::', '192.168.1.2', 'example.com', '', '127.0.0.1.example.com', '10.0.0.1'])(
    'refuses to listen on %j',
    async (host) => {
      const { code, stderr } = await invoke([
        'issuer',
        '--host',
        host,
        '--port',
        '0',
        '--key-file',
        file('k'),
      ]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('is not loopback') });
    },
  );

  describe('at its token endpoint', () => {
    let issuer: RunningIssuer;
    beforeEach(async () => {
      issuer = await startIssuer(['--key-file', file('issuer.json')]);
      await invoke(['key', file('key.json')]);
    });
    afterEach(() => issuer.stop());

    const request = async (headers: Record<string, string>, form = 'grant_type=client_credentials') => {
      const body = new URLSearchParams(form);
      const response = await fetch(`${issuer.url}/token`, { method: 'POST', headers, body });
      return { status: response.status, ...((await response.json()) as object) };
    };
    const proofFor = async (url: string) =>
      (await invoke(['proof', url, '-X', 'POST', '--key', file('key.json')])).stdout
        .trim()
        .replace('DPoP: ', '');

    test('a proof is required, for this endpoint, and once (G)', async () => {
      const proof = await proofFor(`${issuer.url}/token`);
      expect(await request({ dpop: proof })).toMatchObject({ status: 200, token_type: 'DPoP' });
      expect(await request({ dpop: proof })).toMatchObject({ status: 400, error: 'invalid_dpop_proof' });
      expect(await request({})).toMatchObject({ status: 400, error: 'invalid_dpop_proof' });
      const elsewhere = await proofFor(`${issuer.url}/elsewhere`);
      expect(await request({ dpop: elsewhere })).toMatchObject({ status: 400, error: 'invalid_dpop_proof' });
      expect(await request({}, 'grant_type=password')).toMatchObject({
        status: 400,
        error: 'unsupported_grant_type',
      });
    });

    test('a page of another name is not answered, which an attacker gave the address of loopback', async () => {
      const { port } = new URL(issuer.url);
      const { request: send } = await import('node:http');
      const status = await new Promise((resolve, reject) => {
        send(
          { host: '127.0.0.1', port, path: '/jwks', headers: { host: `attacker.example:${port}` } },
          (response) => {
            resolve(response.resume().statusCode);
          },
        )
          .on('error', reject)
          .end();
      });
      expect(status).toBe(421);
    });
  });
});

describe('curl and oidc-provider', () => {
  let provider: Provider;
  beforeAll(async () => {
    provider = await startProvider(AUDIENCE);
  });
  afterAll(() => provider.close());

  test('a token of a client with a secret, for the API that the request names', async () => {
    const app = await startApp('express', provider.url);
    await writeFile(file('secret'), CLIENT.secret);
    const argv = ['curl', `${app.url}/accounts`, '--issuer', provider.url, '--client-id', CLIENT.id];
    const known = ['--client-secret-file', file('secret'), '--audience', AUDIENCE];
    expect(await invoke([...argv, ...known])).toMatchObject({ code: 0, stderr: '' });
    await writeFile(file('secret'), 'wrong');
    const refused = await invoke([...argv, ...known]);
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('invalid_client') });
  });
});

describe('curl: what cannot be done', () => {
  test.each([
    [['http://api.example.com/', '--issuer', 'https://issuer.test'], 'plain http beyond this machine'],
    [['https://api.test/', '--issuer', 'http://issuer.example.com'], '--issuer must be an https URL'],
    [['https://api.test/'], 'where is the token?'],
    [['https://api.test/', '--token-file', 'x'], '--key FILE is missing'],
    [
      ['https://api.test/', '-H', 'Authorization: DPoP x', '--issuer', 'https://issuer.test'],
      'sets Authorization itself',
    ],
    [
      ['https://api.test/', '-X', 'GET', '-d', 'x', '--issuer', 'https://issuer.test'],
      'GET and HEAD have no body',
    ],
    [['https://api.test/', '--client-secret=x'], '--client-secret-file'],
  ])('wrong use ends with 2: %j', async (argv, words) => {
    const { code, stderr } = await invoke(['curl', ...argv]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(words) });
  });

  test('a server that is away ends with 3', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
    const { code, stderr } = await invoke(['curl', `${url}/`, '--issuer', url]);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('ECONNREFUSED') });
  });
});

/** A server with one answer, which may be made of the request. */
async function withServer(
  answer: (fields: IncomingHttpHeaders) => { status: number; fields?: OutgoingHttpHeaders; body: object },
  work: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(({ headers }, response) => {
    const { status, fields, body } = answer(headers);
    response.writeHead(status, { 'content-type': 'application/json', ...fields }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/accounts`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('curl and the answers of apps', () => {
  let issuer: RunningIssuer;
  beforeEach(async () => {
    issuer = await startIssuer(['--key-file', file('issuer.json')]);
  });
  afterEach(() => issuer.stop());

  test.each([
    [404, 'Not Found', 'Cannot GET /accounts'],
    [400, 'Bad Request', 'exp must be a number'],
    [403, 'Forbidden', 'the audience is full'],
    [409, 'Conflict', 'this nonce was already used'],
  ])('the error %i of Nest itself is not a refusal of the token', async (status, error, message) => {
    const body = { statusCode: status, error, message };
    await withServer(
      () => ({ status, body }),
      async (url) => {
        const { code, stderr } = await invoke(['curl', '--issuer', issuer.url, url]);
        expect(code).toBe(1);
        expect(stderr).not.toMatch(/^check/m);
        expect(stderr).toMatch(/DPoP has no part in it|says nothing of DPoP/);
      },
    );
  });

  test('the code of this library in a body is one', async () => {
    const body = { statusCode: 401, error: 'Unauthorized', message: 'x', code: 'use_dpop_nonce' };
    await withServer(
      () => ({ status: 401, body }),
      async (url) => {
        const { stderr } = await invoke(['curl', '--issuer', issuer.url, url]);
        expect(stderr).toMatch(/^check +check 10 of §4.3, nonce/m);
      },
    );
  });

  test('what a server reflects of token and proof is not printed', async () => {
    await withServer(
      ({ authorization = '', dpop }) => ({
        status: 401,
        fields: { 'x-echo': authorization, 'www-authenticate': `DPoP error="invalid_token"` },
        body: {
          error_description: `bad ${authorization} and ${String(dpop)}`,
          part: authorization.split('.')[2],
        },
      }),
      async (url) => {
        const { stdout, stderr } = await invoke(['curl', '-i', '--issuer', issuer.url, url]);
        expect(stdout + stderr).not.toMatch(JWT);
        expect(stdout).toContain('x-echo: DPoP [removed: sent by the client]\n');
        expect(stdout).toContain('"part":"[removed: sent by the client]"');
      },
    );
  });

  test('a proof for localhost at 127.0.0.1: the two are different origins', async () => {
    const app = await startRecordingApp('express', {
      dpop: { origin: 'http://localhost:3000', accessToken: { issuer: issuer.url, audience: AUDIENCE } },
      controllers: [AccountsController],
    });
    const { stderr } = await invoke(['curl', '--issuer', issuer.url, `${app.url}/accounts`]);
    expect(stderr).toMatch(/^note +localhost, 127\.0\.0\.1 and \[::1\] are different origins/m);
  });

  test('the wrong key shows the thumbprints of both', async () => {
    const [one, other] = [file('one.json'), file('other.json')];
    await invoke(['key', one]);
    const { stdout: said } = await invoke(['key', other]);
    const [thumbprint = ''] = /[\w-]{43}/.exec(said) ?? [];
    const app = await startApp('express', issuer.url);
    const url = `${app.url}/accounts`;
    const argv = ['curl', url, '--token-file', file('token')];
    await invoke(['curl', url, '--issuer', issuer.url, '--key', one, '--save-token', file('token')]);
    const { stderr } = await invoke([...argv, '--key', other]);
    expect(stderr).toContain(`with the thumbprint ${thumbprint}\n`);
    expect(stderr).toContain('expected  the key with the thumbprint ');
  });
});

test('--version prints that of package.json', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(await invoke(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('a method that HTTP cannot send, and a symmetric algorithm, are wrong use', async () => {
  await invoke(['key', file('key.json')]);
  const url = 'http://localhost:3000/';
  const proof = await invoke(['proof', url, '--key', file('key.json'), '-X', 'bad method']);
  expect(proof).toMatchObject({ code: 2, stderr: expect.stringContaining('-X must be a method') });
  const algs = await invoke(['explain', url, '--algs', 'ES256 HS256'], { stdin: '' });
  expect(algs).toMatchObject({ code: 2, stderr: expect.stringContaining('never accepts') });
});

describe('doctor', () => {
  test('a service that cannot be reached is code 3, and no issuer was checked', async () => {
    const { code, stdout } = await invoke(['doctor', 'http://127.0.0.1:1/']);
    expect(code).toBe(3);
    expect(stdout).toContain('note     no issuer was checked');
  });

  let issuer: RunningIssuer;
  beforeEach(async () => {
    issuer = await startIssuer(['--key-file', file('issuer.json')]);
  });
  afterEach(() => issuer.stop());

  test.each(PLATFORMS)(
    'finds no problem in a good service on %s, and its issuer by its metadata (H)',
    async (platform) => {
      const app = await startApp(platform, issuer.url);
      const { code, stdout } = await invoke(['doctor', `${app.url}/accounts?page=2`]);
      expect(stdout).not.toContain('PROBLEM');
      expect(code).toBe(0);
      expect(stdout).toContain(`clients sign htu ${app.url}/accounts,`);
      expect(stdout).toContain(`Issuer ${issuer.url}\n`);
      expect(stdout).toContain('it publishes 1 key: ES256');
      expect(stdout).toContain('the clock of the service agrees');
    },
  );

  test('an open route, an origin that clients do not sign, an issuer that is away: each with what to do (I3)', async () => {
    const origin = 'https://public.test';
    const app = await startRecordingApp('express', {
      dpop: {
        origin,
        accessToken: { issuer: 'http://127.0.0.1:1', audience: AUDIENCE },
        metadata: { url: 'http://127.0.0.1:1/' },
      },
      controllers: [AccountsController],
    });
    const { code, stdout } = await invoke([
      'doctor',
      `${app.url}/accounts`,
      '--issuer',
      'http://127.0.0.1:1',
    ]);
    expect(code).toBe(1);
    const problems = [...stdout.matchAll(/PROBLEM +(.*)\n +→ (.*)\n/g)].map(([, text]) => text);
    expect(problems).toEqual([
      expect.stringContaining('the resource metadata http://127.0.0.1:1/ cannot be read'),
      expect.stringContaining('no usable metadata of the issuer http://127.0.0.1:1'),
    ]);
  });

  test.each([
    [200, {}, 'the route answers without credentials'],
    [401, { 'www-authenticate': 'Bearer' }, '401 without a DPoP challenge'],
    [301, { location: '/elsewhere' }, 'redirects to /elsewhere'],
    [
      401,
      { 'www-authenticate': 'DPoP algs="ES256"', date: 'Wed, 01 Jan 2020 00:00:00 GMT' },
      'behind this machine',
    ],
  ])('a server that answers %s %j', async (status, headers, words) => {
    const server = createServer((_request, response) => response.writeHead(status, headers).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stdout } = await invoke(['doctor', `http://127.0.0.1:${port}/`]);
    await new Promise((resolve) => server.close(resolve));
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining(words) });
  });

  test('Redis: eviction is a problem, and so is one that is away; no password is printed (F6, I3)', async () => {
    const app = await startApp('express', issuer.url);
    const settings = [
      ['maxmemory', '10mb'],
      ['maxmemory-policy', 'allkeys-lru'],
    ];
    const redis = await RedisServer.start({ settings });
    const admin = new Redis(redis.url);
    await admin.config('SET', 'requirepass', 's3cret');
    admin.disconnect();
    const url = `redis://:s3cret@127.0.0.1:${redis.port}`;
    const argv = ['doctor', `${app.url}/accounts`, '--redis'];
    const evicting = await invoke([...argv, 'env:REDIS_URL'], { env: { REDIS_URL: url } });
    const refused = await invoke([...argv, url.replace('s3cret', 'wrong')]);
    await redis.close();
    const away = await invoke([...argv, url]);
    expect(evicting).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('set maxmemory-policy noeviction'),
    });
    expect(evicting.stdout).toContain('appendonly is off');
    expect(refused).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('refuses the user name or the password'),
    });
    expect(away).toMatchObject({ code: 1, stdout: expect.stringMatching(/PROBLEM +.*Redis/) });
    for (const { stdout, stderr } of [evicting, refused, away])
      expect(stdout + stderr).not.toContain('s3cret');
  });
});

describe('as a process', () => {
  const run = promisify(execFile);
  const built = join(ROOT, '.cache', `cli-${process.pid}`);

  beforeAll(async () => {
    // Below the repository, where Node finds jose.
    await run(
      process.execPath,
      [join(ROOT, 'node_modules/@typescript/native/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', built],
      { cwd: ROOT },
    );
  });
  afterAll(() => rm(built, { recursive: true, force: true }));

  test('it prints, sets the exit code, and loads neither Nest nor ioredis', async () => {
    const main = join(built, 'cli/main.js');
    expect(await readFile(main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { stdout } = await run(process.execPath, [main, 'key', file('key.json')]);
    expect(stdout).toMatch(/^[\w-]{43}\n$/);
    const failed = run(process.execPath, [main, 'explain', 'nonsense', '--proof-file', file('key.json')]);
    await expect(failed).rejects.toMatchObject({ code: 2 });
    const script = `process.on('exit', () => console.log(Object.keys(require.cache).length)); process.argv[2] = '--help'; import(${JSON.stringify(main)});`;
    const trace = await run(process.execPath, ['--input-type=commonjs', '-e', script], { cwd: ROOT });
    expect(trace.stdout.trim().split('\n').at(-1)).toBe('0');
  });
});
