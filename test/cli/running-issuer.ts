import { invoke, type Invocation } from './invoke.js';

export interface RunningIssuer {
  readonly url: string;
  /** Ends the command as Ctrl+C does. */
  stop(): Promise<Invocation>;
}

/** Runs `nestjs-dpop issuer` on a free port, until it is stopped. */
export async function startIssuer(argv: readonly string[]): Promise<RunningIssuer> {
  const stop = new AbortController();
  let ended: Promise<Invocation> | undefined;
  const url = await new Promise<string>((resolve, reject) => {
    const onOutput = (stdout: string) => {
      const [, listening] = /listens on (\S+)\n/.exec(stdout) ?? [];
      if (listening !== undefined) resolve(listening);
    };
    ended = invoke(['issuer', '--port', '0', ...argv], { signal: stop.signal, onOutput });
    ended.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  return {
    url,
    stop: async () => {
      stop.abort();
      return await (ended as Promise<Invocation>);
    },
  };
}
