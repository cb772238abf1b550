import { run } from '../../lib/cli/run.js';

export interface Invocation {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface InvokeOptions {
  readonly stdin?: string;
  readonly clock?: () => number;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Called with all of standard output so far, after each write. */
  readonly onOutput?: (stdout: string) => void;
}

/** Runs a command of the command line in this process. */
export async function invoke(
  argv: readonly string[],
  { stdin = '', clock = Date.now, env = {}, signal, onOutput }: InvokeOptions = {},
): Promise<Invocation> {
  const out: Buffer[] = [];
  let stderr = '';
  const code = await run(argv, {
    stdin: chunksOf(stdin),
    stdout: (text) => {
      out.push(Buffer.from(text));
      onOutput?.(Buffer.concat(out).toString());
    },
    stderr: (text) => (stderr += text),
    clock,
    env,
    signal: signal ?? new AbortController().signal,
  });
  return { code, stdout: Buffer.concat(out).toString(), stderr };
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
