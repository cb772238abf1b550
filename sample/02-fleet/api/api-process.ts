import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Instance } from './api.js';
import type { ApiOptions } from './app.module.js';

const START_LIMIT_MS = 30_000;
const CLOSE_LIMIT_MS = 3000;

/** Starts one instance of the API in a new process, which ends when this process ends. */
export async function startApiProcess({ origin, issuer, redis }: ApiOptions): Promise<Instance> {
  const child = fork(fileURLToPath(new URL('./main.js', import.meta.url)), {
    env: { ...process.env, ORIGIN: origin, ISSUER: issuer, REDIS_URL: redis },
  });
  const kill = () => void child.kill('SIGKILL');
  process.on('exit', kill);
  const ended = once(child, 'exit').finally(() => process.off('exit', kill));
  try {
    return {
      url: await Promise.race([urlOf(child), ended.then(failToStart)]),
      close: () => close(child, ended),
    };
  } catch (error) {
    kill();
    throw error;
  }
}

async function urlOf(child: ChildProcess): Promise<string> {
  const signal = AbortSignal.timeout(START_LIMIT_MS);
  const [message] = (await once(child, 'message', { signal })) as [{ readonly url: string }];
  return message.url;
}

function failToStart(): never {
  throw new Error('an instance of the API could not be started');
}

async function close(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.connected) child.disconnect();
  const late = setTimeout(() => child.kill('SIGKILL'), CLOSE_LIMIT_MS);
  await ended;
  clearTimeout(late);
}
