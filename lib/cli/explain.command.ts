import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { isSupportedAlgorithm } from '../jws/algorithms.js';
import { isJsonObject } from '../jws/json-object.js';
import type { Arguments } from './arguments.js';
import type { Command, Io } from './command.js';
import { EXIT, UsageError } from './outcome.js';
import { explainRequest, isNeverAccepted, type Presented } from './explanation.js';
import { formatFindings } from './finding.js';
import { assertOneFromStdin, readFileText, readInput, readProof, readToken } from './input.js';
import { parseRequestHead } from './request-head.js';
import type { TokenExpectations } from './token-inspection.js';

/** Says of each check whether it holds, for the proofs of any client and any server. */
export const explainCommand: Command = {
  summary: 'Says line by line which checks of RFC 9449 §4.3 hold for a proof and an access token.',
  operands: 'URL [OPTIONS]',
  options: {
    request: { type: 'string', short: 'X', value: 'METHOD', what: 'The method of the request, default GET.' },
    'proof-file': { type: 'string', value: 'FILE', what: 'The proof; - is standard input.' },
    'token-file': { type: 'string', value: 'FILE', what: 'The access token; - is standard input.' },
    head: {
      type: 'string',
      value: 'FILE',
      what: 'Instead of both: the header lines of the request, as curl -v prints them. Default: standard input.',
    },
    nonce: { type: 'string', value: 'NONCE', what: 'The nonce that the server supplied last.' },
    issuer: {
      type: 'string',
      value: 'URL',
      what: 'The issuer of the token; its keys come from its metadata.',
    },
    jwks: { type: 'string', value: 'FILE|URL', what: 'The keys of the issuer, instead of its metadata.' },
    audience: { type: 'string', value: 'NAME', what: 'The service, as aud of the token must name it.' },
    algs: {
      type: 'string',
      value: 'NAMES',
      what: 'The accepted algorithms; the challenge of a server lists them. Default: those of this library.',
    },
    'max-age': { type: 'string', value: 'SECONDS', what: 'How old iat may be, default 60.' },
    at: {
      type: 'string',
      value: 'SECONDS',
      what: 'The time of the request, in seconds since the epoch; default now.',
    },
    'allow-insecure-http': { type: 'boolean', what: 'Accept an http issuer that is not this machine.' },
  },
  notes: [
    'The checks are those of this library, with its default options. No request is sent but for the keys of the issuer.',
    'The report shows what the proof and the token claim, and never a private key, the token or a signature.',
  ],
  async run(args, io) {
    const url = args.urlOperand();
    const seconds = args.integer('at', 0, 253_402_300_799);
    const clock = seconds === undefined ? io.clock : () => seconds * 1000;
    const expectations = await readExpectations(args);
    const changes = {
      algorithms: parseAlgorithms(args.text('algs')),
      maxAgeSeconds: args.integer('max-age', 1, 3600),
    };
    const presented = await readPresented(args, io, url);
    const explanation = await explainRequest(presented, expectations, clock, changes);
    io.stdout(
      `${presented.method} ${url.href}\n\nProof (RFC 9449 §4.3)\n${formatFindings(explanation.proof)}`,
    );
    if (explanation.token.length > 0) io.stdout(`\nAccess token\n${formatFindings(explanation.token)}`);
    io.stdout('\nNot checked: whether the proof was used before (§11.1). Only the server knows.\n');
    const failed = [...explanation.proof, ...explanation.token].filter(({ outcome }) => outcome === 'fails');
    io.stdout(
      failed.length === 0
        ? 'Nothing that could be checked fails.\n'
        : `${failed.length === 1 ? 'One check fails' : `${failed.length} checks fail`}: ${failed.map(({ title }) => title).join(', ')}.\n`,
    );
    return failed.length === 0 ? EXIT.ok : EXIT.refused;
  },
};

async function readPresented(args: Arguments, io: Io, url: URL): Promise<Presented> {
  const proofFile = args.text('proof-file');
  const tokenFile = args.text('token-file');
  const nonce = args.text('nonce');
  assertOneFromStdin([proofFile, tokenFile, args.text('head')]);
  if (proofFile !== undefined && args.text('head') === undefined) {
    const proof = await readProof(proofFile, io);
    const token = tokenFile === undefined ? undefined : await readToken(tokenFile, io);
    return { method: args.method() ?? 'GET', url, proof, token, nonce };
  }
  if (proofFile !== undefined || tokenFile !== undefined)
    throw new UsageError(
      'give --proof-file, with or without --token-file, or the head of the request with --head',
    );
  const { method, fields } = parseRequestHead(await readInput(args.text('head') ?? '-', io));
  const token = fields.authorization.replace(/^(?:dpop|bearer) +/i, '');
  return {
    method: args.method() ?? method ?? 'GET',
    url,
    proof: fields.dpop,
    nonce,
    proofFields: fields.dpopCount,
    ...(token !== '' && { token }),
  };
}

async function readExpectations(args: Arguments): Promise<TokenExpectations> {
  const jwks = args.text('jwks');
  const isUrl = jwks !== undefined && /^https?:/i.test(jwks);
  return {
    issuer: args.trustedUrl('issuer'),
    audience: args.text('audience'),
    ...(isUrl && { jwksUri: args.trustedUrl('jwks') }),
    ...(jwks !== undefined && !isUrl && { keys: await readKeys(jwks) }),
  };
}

/** A JWK set, or a single public key. @throws UsageError */
async function readKeys(file: string): Promise<NonNullable<JwtAccessTokenOptions['keys']>> {
  const text = await readFileText(file);
  try {
    const value: unknown = JSON.parse(text);
    const { keys = [value] } = value as { readonly keys?: unknown };
    if (Array.isArray(keys) && keys.every((key) => isJsonObject(key) && typeof key['kty'] === 'string'))
      return { keys };
  } catch {
    // Not JSON, which is refused below.
  }
  throw new UsageError(`${file} must hold a JWK set, or a public JWK`);
}

function parseAlgorithms(text: string | undefined): readonly string[] | undefined {
  const names = text?.split(/[ ,]+/).filter((name) => name !== '');
  const unknown = names?.find((name) => !isSupportedAlgorithm(name));
  if (unknown === undefined) return names;
  if (isNeverAccepted(unknown))
    throw new UsageError(
      `--algs names ${unknown}, which this library never accepts and cannot verify: a proof has an asymmetric signature (§4.3)`,
    );
  throw new UsageError(`--algs names ${JSON.stringify(unknown)}, which this version of Node cannot verify`);
}
