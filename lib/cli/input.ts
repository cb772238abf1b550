import { readFile } from 'node:fs/promises';
import type { Io } from './command.js';
import { UsageError } from './outcome.js';

/** Longer than any token, proof or head of a request. */
const MAX_BYTES = 1_048_576;

/**
 * The text of a file, or of standard input for `-`, without white space at both ends.
 *
 * @throws UsageError
 */
export async function readInput(file: string, io: Pick<Io, 'stdin'>): Promise<string> {
  const text = file === '-' ? await readAll(io.stdin) : await readFileText(file);
  if (text.length > MAX_BYTES) throw new UsageError(`${file} is larger than ${MAX_BYTES} bytes`);
  return text.trim();
}

/** @throws UsageError */
export async function readFileText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file} (${codeOf(error)})`);
  }
}

/** Standard input can be read once only. @throws UsageError */
export function assertOneFromStdin(files: readonly (string | undefined)[]): void {
  if (files.filter((file) => file === '-').length > 1)
    throw new UsageError('only one input can come from standard input (-)');
}

/** A token from a file, which may hold a whole `Authorization` line. @throws UsageError */
export async function readToken(file: string, io: Pick<Io, 'stdin'>): Promise<string> {
  return assertOneWord(
    (await readInput(file, io)).replace(/^authorization: */i, '').replace(/^dpop +/i, ''),
    file,
  );
}

/** A proof from a file, which may hold a whole `DPoP` line. @throws UsageError */
export async function readProof(file: string, io: Pick<Io, 'stdin'>): Promise<string> {
  return assertOneWord((await readInput(file, io)).replace(/^dpop: */i, ''), file);
}

function assertOneWord(text: string, file: string): string {
  if (text === '') throw new UsageError(`${file === '-' ? 'standard input' : file} is empty`);
  if (/[\r\n]/.test(text)) throw new UsageError(`${file} has more than one line`);
  return text;
}

async function readAll(stdin: Io['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** The code of an error of Node. */
export function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : 'unknown error';
}
