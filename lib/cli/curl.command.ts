import { type Arguments, parseHttpUrl } from './arguments.js';
import type { Command, Io } from './command.js';
import { EXIT, UsageError } from './outcome.js';
import { assertSecure, type CurlCredentials, obtainCredentials } from './curl-credentials.js';
import { assertOneFromStdin, readFileText, readInput } from './input.js';
import { type Answer, send } from './outgoing.js';
import { createProof } from './proof-maker.js';
import { removeReflected } from './reflection.js';
import { explainRefusal } from './refusal.js';

/** Sends a request with a token and a proof, and explains a refusal. */
export const curlCommand: Command = {
  summary:
    'Sends a request with an access token and a proof, answers a demand for a nonce, and explains a refusal.',
  operands: 'URL (--issuer URL | --token-file FILE --key FILE) [OPTIONS]',
  options: {
    request: {
      type: 'string',
      short: 'X',
      value: 'METHOD',
      what: 'The method, default GET, or POST with --data.',
    },
    header: {
      type: 'string',
      short: 'H',
      multiple: true,
      value: 'LINE',
      what: 'A further header field, "Name: value".',
    },
    data: {
      type: 'string',
      short: 'd',
      value: 'DATA',
      what: 'The body; @FILE reads a file, @- standard input.',
    },
    include: { type: 'boolean', short: 'i', what: 'Print status and header fields of the response, too.' },
    key: {
      type: 'string',
      value: 'FILE',
      what: 'The key file of the client. Default with --issuer: a new key for this call.',
    },
    'token-file': {
      type: 'string',
      value: 'FILE',
      what: 'An access token that is bound to the key; - is standard input.',
    },
    'proof-file': {
      type: 'string',
      value: 'FILE',
      what: 'Send this proof, of another client, instead of a new one.',
    },
    issuer: {
      type: 'string',
      value: 'URL',
      what: 'Request the token here, with the client credentials grant.',
    },
    'token-endpoint': { type: 'string', value: 'URL', what: 'The same, for an issuer without metadata.' },
    'client-id': { type: 'string', value: 'ID', what: 'The client at the issuer.' },
    'client-secret-file': { type: 'string', value: 'FILE', what: 'Its secret; - is standard input.' },
    scope: { type: 'string', value: 'SCOPES', what: 'The scopes to request, separated by spaces.' },
    audience: {
      type: 'string',
      value: 'NAME',
      what: 'The API to request the token for; a URL is sent as resource.',
    },
    'save-token': {
      type: 'string',
      value: 'FILE',
      what: 'Write the token to a file that only you can read; needs --key.',
    },
    'allow-insecure-http': { type: 'boolean', what: 'Send credentials by http beyond this machine.' },
  },
  notes: [
    'The body of the response goes to standard output, and an explanation of a refusal to standard error.',
    'Token and proof are not printed, even if the server reflects them. Redirects are not followed, since a proof is for one URL.',
  ],
  async run(args, io) {
    const url = parseHttpUrl(args.operand('URL'), 'URL');
    args.trustedUrl('issuer');
    assertSecure(url, args);
    assertOneFromStdin([
      args.text('token-file'),
      args.text('proof-file'),
      args.text('client-secret-file'),
      dataFile(args),
    ]);
    const init = await readRequest(args, io);
    const method = methodOf(url, init);
    const credentials = await obtainCredentials(args, io);
    const { answer, proof } = await call(url, { ...init, method }, credentials, io);
    if (args.flag('include')) io.stdout(formatHead(answer));
    io.stdout(answer.body);
    if (answer.status < 300) return EXIT.ok;
    io.stderr(`\n${answer.status} ${answer.statusText} for ${method} ${url.href}\n`);
    if (answer.status < 400) {
      io.stderr(
        `change  call ${answer.headers.get('location') ?? 'the new URL'} instead: a proof is for one URL\n`,
      );
      return EXIT.refused;
    }
    io.stderr(await explainRefusal(answer, { method, url, proof, token: credentials.token }, io.clock));
    return EXIT.refused;
  },
};

/** Sends the request, and once more when the server demands a nonce (§8). */
async function call(
  url: URL,
  init: RequestInit & { readonly method: string },
  { token, proof: given, key }: CurlCredentials,
  { clock }: Io,
): Promise<{ readonly answer: Answer; readonly proof: string }> {
  const sent = [token];
  const sendWith = async (nonce: string | undefined) => {
    const made =
      key === undefined ? given : await createProof(key, { method: init.method, url, token, nonce }, clock());
    const proof = made ?? '';
    const headers = new Headers(init.headers);
    headers.set('authorization', `DPoP ${token}`);
    headers.set('dpop', proof);
    sent.push(proof);
    const answer = await send(url, { ...init, headers });
    return { answer: removeReflected(answer, sent), proof };
  };
  const first = await sendWith(undefined);
  const nonce = first.answer.headers.get('dpop-nonce');
  const challenge = first.answer.headers.get('www-authenticate') ?? '';
  const isDemand = first.answer.status === 401 && challenge.includes('use_dpop_nonce');
  return isDemand && nonce !== null && key !== undefined ? await sendWith(nonce) : first;
}

async function readRequest(args: Arguments, io: Io): Promise<RequestInit> {
  const headers = new Headers({ accept: '*/*' });
  for (const line of args.list('header')) {
    const [, name = '', value = ''] = /^([\w!#$%&'*+.^`|~-]+): *(.*)$/.exec(line) ?? [];
    if (name === '')
      throw new UsageError(`a header field is written "Name: value", not ${JSON.stringify(line)}`);
    if (/^(?:authorization|dpop)$/i.test(name))
      throw new UsageError(
        `the command sets ${name} itself; give the token with --token-file and a proof with --proof-file`,
      );
    headers.append(name, value);
  }
  const data = args.text('data');
  const method = args.text('request') ?? (data === undefined ? 'GET' : 'POST');
  if (data === undefined) return { method, headers };
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  const file = dataFile(args);
  if (file === undefined) return { method, headers, body: data };
  return { method, headers, body: file === '-' ? await readInput(file, io) : await readFileText(file) };
}

function dataFile(args: Arguments): string | undefined {
  const data = args.text('data');
  return data?.startsWith('@') === true ? data.slice(1) : undefined;
}

function formatHead({ status, statusText, headers }: Answer): string {
  const fields = [...headers].map(([name, value]) => `${name}: ${value}\n`);
  return `HTTP/1.1 ${status} ${statusText}\n${fields.join('')}\n`;
}

/** As it goes over the wire: `fetch` writes some methods in upper case. */
function methodOf(url: URL, init: RequestInit): string {
  try {
    return new Request(url, init).method;
  } catch {
    throw new UsageError(`${init.method} cannot be sent as written; GET and HEAD have no body`);
  }
}
