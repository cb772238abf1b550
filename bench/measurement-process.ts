import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Row } from './measurement.js';

const WORKER = fileURLToPath(new URL('measurement-worker.js', import.meta.url));

/** Runs a measurement in its own process, so that it does not inherit the heap or the compiled code of another. */
export async function runMeasurement(name: string): Promise<readonly Row[]> {
  const worker = fork(WORKER, [name], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let rows: readonly Row[] | undefined;
  worker.once('message', (message) => (rows = message as readonly Row[]));
  const [code] = (await once(worker, 'exit')) as [number | null];
  if (rows === undefined) throw new Error(`its process ended with ${String(code)}`);
  return rows;
}
