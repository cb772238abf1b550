import { createScript } from './redis-script.js';

/** Answers what Redis does when its memory is full. KEYS: any, to say where to ask in a Cluster. */
export const EVICTION_SCRIPT = createScript(`
return string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:(%S+)')
`);

/**
 * KEYS: the ring. ARGV: the ring to begin with, the ring to be replaced, the ring to replace it with. Answers the ring
 * that is in force: whoever comes second takes what the first one wrote.
 */
export const RING_SCRIPT = createScript(`
local ring = redis.call('GET', KEYS[1])
local next = ring
if not ring then next = ARGV[1] elseif ring == ARGV[2] then next = ARGV[3] end
if next ~= ring then redis.call('SET', KEYS[1], next) end
return next
`);
