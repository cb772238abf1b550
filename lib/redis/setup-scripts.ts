import { createProbeScript } from './probe-script.js';
import { createScript } from './redis-script.js';

/** Tries each command of the other scripts of the storage. KEYS: a key that no other script uses. */
export const PROBE_SCRIPT = createProbeScript(`
  { 'INFO', 'replication' }, { 'TIME' },
  { 'SET', key, '1' }, { 'GET', key }, { 'EXPIRE', key, 10 }, { 'EXISTS', key }, { 'DEL', key },
  { 'HSET', key, 'a', '1' }, { 'HSETNX', key, 'b', '1' }, { 'HGET', key, 'a' }, { 'HEXISTS', key, 'a' },
  { 'HGETALL', key }, { 'HDEL', key, 'a', 'b' }, { 'DEL', key },
`);

/**
 * Returns the `maxmemory_policy`: what Redis does when its memory is full.
 *
 * KEYS: any key, which decides the node in a Cluster.
 */
export const EVICTION_SCRIPT = createScript(`
return string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:(%S+)')
`);

/**
 * Creates the ring of nonce secrets if there is none, and replaces it if it is the expected one. Returns the ring in
 * force. When two instances rotate at once, the second one takes the ring of the first.
 *
 * KEYS: the ring. ARGV: the initial ring, the expected ring, the ring that replaces it.
 */
export const RING_SCRIPT = createScript(`
local ring = redis.call('GET', KEYS[1])
local next = ring
if not ring then next = ARGV[1] elseif ring == ARGV[2] then next = ARGV[3] end
if next ~= ring then redis.call('SET', KEYS[1], next) end
return next
`);
