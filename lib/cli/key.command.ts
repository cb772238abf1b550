import type { Command } from './command.js';
import { EXIT } from './outcome.js';
import { createPrivateJwk, createSecretFile, importKey, readKeyFile } from './key-file.js';

/** Makes a key, or tells which one a file holds. */
export const keyCommand: Command = {
  summary: 'Makes a key file that only you can read, and prints the thumbprint of the key (jkt).',
  operands: 'FILE [OPTIONS]',
  options: {
    alg: { type: 'string', value: 'ALG', what: 'The algorithm of a new key, default ES256.' },
    public: { type: 'boolean', what: 'Print the public key as a JWK instead.' },
  },
  notes: [
    'A file that exists is never changed: the command prints the thumbprint of its key.',
    'The private key stays in the file. Keep the file out of version control.',
  ],
  async run(args, io) {
    const file = args.operand('FILE');
    const jwk = await createPrivateJwk(args.text('alg') ?? 'ES256');
    const isNew = await createSecretFile(file, `${JSON.stringify(jwk)}\n`);
    io.stderr(isNew ? `wrote a new key to ${file}\n` : `${file} exists and is unchanged\n`);
    const key = isNew ? await importKey(jwk, file) : await readKeyFile(file, io.stderr);
    io.stdout(`${args.flag('public') ? JSON.stringify(key.publicJwk) : key.jkt}\n`);
    return EXIT.ok;
  },
};
