import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = 20;

/**
 * Asks until the answer is yes; an error is a no.
 *
 * @throws Error that names what did not come to be
 */
export async function until(what: string, isSo: () => unknown, tries = 1500): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < tries; attempt += 1) {
    try {
      last = await isSo();
      if (last === true) return;
    } catch (error) {
      last = error;
    }
    await pause(PAUSE_MS);
  }
  throw new Error(`it did not come to be that ${what}`, { cause: last });
}
