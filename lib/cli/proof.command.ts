import type { Command } from './command.js';
import { EXIT, UsageError } from './outcome.js';
import { assertOneFromStdin, readToken } from './input.js';
import { readKeyFile } from './key-file.js';
import { createProof } from './proof-maker.js';

/** Prints a proof for another client, such as curl. */
export const proofCommand: Command = {
  summary: 'Prints a proof for one request, as a header line for curl.',
  operands: 'URL --key FILE [OPTIONS]',
  options: {
    key: { type: 'string', value: 'FILE', what: 'The key file; nestjs-dpop key makes one.' },
    request: { type: 'string', short: 'X', value: 'METHOD', what: 'The method, default GET.' },
    'token-file': {
      type: 'string',
      value: 'FILE',
      what: 'The access token that goes with the proof, for ath; - is standard input.',
    },
    nonce: { type: 'string', value: 'NONCE', what: 'The nonce that the server supplied in DPoP-Nonce.' },
    headers: { type: 'boolean', what: 'Print the Authorization line, with the token, as well.' },
  },
  notes: [
    'A proof is for one request, and servers accept it once. For example:',
    '  curl -H "$(nestjs-dpop proof https://auth.example.com/token -X POST --key key.json)" …',
    '  nestjs-dpop proof URL --key key.json --token-file token.txt --headers | curl -H @- URL',
  ],
  async run(args, io) {
    const url = args.urlOperand();
    const keyFile = args.text('key');
    if (keyFile === undefined) throw new UsageError('--key FILE is missing');
    const tokenFile = args.text('token-file');
    assertOneFromStdin([keyFile, tokenFile]);
    const token = tokenFile === undefined ? undefined : await readToken(tokenFile, io);
    if (token === undefined && args.flag('headers')) throw new UsageError('--headers needs --token-file');
    const key = await readKeyFile(keyFile, io.stderr);
    const request = { method: args.method() ?? 'GET', url, token, nonce: args.text('nonce') };
    const proof = await createProof(key, request, io.clock());
    if (args.flag('headers')) io.stdout(`Authorization: DPoP ${token}\n`);
    io.stdout(`DPoP: ${proof}\n`);
    return EXIT.ok;
  },
};
