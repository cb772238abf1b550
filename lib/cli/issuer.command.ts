import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import type { Arguments } from './arguments.js';
import type { Command, Io } from './command.js';
import { EXIT, UsageError } from './outcome.js';
import { DevelopmentIssuer } from './development-issuer.js';
import { createPrivateJwk, createSecretFile, readKeyFile, type SigningKey } from './key-file.js';

const DEFAULT_PORT = 4000;
const DEFAULT_AUDIENCE = 'https://api.test';
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** Runs an issuer for development on this machine. */
export const issuerCommand: Command = {
  summary: 'Runs an issuer on this machine, so that an API can be tried without an authorization server.',
  operands: '[OPTIONS]',
  options: {
    port: { type: 'string', value: 'PORT', what: `The port, default ${DEFAULT_PORT}.` },
    host: { type: 'string', value: 'HOST', what: 'The address, of loopback only, default localhost.' },
    audience: {
      type: 'string',
      value: 'NAME',
      what: `aud of tokens whose request names no API, default ${DEFAULT_AUDIENCE}.`,
    },
    claims: {
      type: 'string',
      value: 'JSON',
      what: 'Claims of every token, over the defaults: {"sub":"ada"}.',
    },
    'expires-in': { type: 'string', value: 'SECONDS', what: 'The lifetime of a token, default 300.' },
    'key-file': {
      type: 'string',
      value: 'FILE',
      what: 'The key that signs, default ~/.nestjs-dpop/issuer-key.json.',
    },
  },
  notes: [
    'Gives a token to every program on this machine that sends a proof. For development only: it refuses to listen',
    'beyond loopback. The key stays the same from run to run, in a file that only you can read.',
  ],
  async run(args, io) {
    if (args.operands.length > 0) throw new UsageError('no operand is expected');
    const host = args.text('host') ?? 'localhost';
    if (!LOOPBACK.test(host))
      throw new UsageError(
        `--host ${JSON.stringify(host)} is not loopback: this issuer gives tokens to everyone who asks, so it listens on localhost only`,
      );
    const issuer = await DevelopmentIssuer.listen({
      host,
      port: args.integer('port', 0, 65_535) ?? DEFAULT_PORT,
      audience: args.text('audience') ?? DEFAULT_AUDIENCE,
      claims: parseClaims(args.text('claims')),
      expiresInSeconds: args.integer('expires-in', 1, 86_400) ?? 300,
      key: await openKey(args, io),
      clock: io.clock,
    });
    io.stdout(describe(issuer));
    await stopped(io.signal);
    await issuer.close();
    return EXIT.ok;
  },
};

/** The key of the former runs, or a new one. */
async function openKey(args: Arguments, io: Io): Promise<SigningKey> {
  const file = args.text('key-file') ?? join(homedir(), '.nestjs-dpop', 'issuer-key.json');
  if (args.text('key-file') === undefined) await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await createSecretFile(file, `${JSON.stringify(await createPrivateJwk('ES256'))}\n`);
  return await readKeyFile(file, io.stderr);
}

/** @throws UsageError */
function parseClaims(text = '{}'): JsonObject {
  try {
    const claims: unknown = JSON.parse(text);
    if (isJsonObject(claims)) return claims;
  } catch {
    // Not JSON, which is refused below.
  }
  throw new UsageError('--claims must be a JSON object, such as \'{"sub":"ada"}\'');
}

function describe({ issuer, audience }: DevelopmentIssuer): string {
  return [
    `An issuer for development listens on ${issuer}`,
    '',
    'In the app:',
    `  DpopModule.forRoot({ origin: 'http://localhost:3000', accessToken: { issuer: '${issuer}', audience: '${audience}' } })`,
    'In another terminal:',
    `  npx nestjs-dpop curl --issuer ${issuer} http://localhost:3000/`,
    '',
    'It gives tokens to every program on this machine. Ctrl+C ends it.',
    '',
  ].join('\n');
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
