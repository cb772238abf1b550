import { createHash } from 'node:crypto';

/** A Lua script and its SHA-1 digest, by which `EVALSHA` calls it. */
export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

export function createScript(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
