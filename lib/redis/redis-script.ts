import { createHash } from 'node:crypto';

/** A Lua script and the name by which Redis knows it. */
export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

export function createScript(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
