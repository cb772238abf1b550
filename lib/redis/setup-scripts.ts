import { createScript } from './redis-script.js';

/**
 * Tries each command of the other scripts, and returns the names of those that the ACL denies, such as `+time +del`.
 *
 * KEYS: a key that no other script uses.
 */
export const PROBE_SCRIPT = createScript(`
local key, denied = KEYS[1], {}
local commands = {
  { 'INFO', 'replication' }, { 'TIME' },
  { 'SET', key, '1' }, { 'GET', key }, { 'EXPIRE', key, 10 }, { 'EXISTS', key }, { 'DEL', key },
  { 'HSET', key, 'a', '1' }, { 'HSETNX', key, 'b', '1' }, { 'HGET', key, 'a' }, { 'HEXISTS', key, 'a' },
  { 'HGETALL', key }, { 'HDEL', key, 'a', 'b' }, { 'DEL', key },
}
for _, command in ipairs(commands) do
  local reply = redis.pcall(unpack(command))
  local problem = type(reply) == 'table' and reply.err
  if problem and (string.find(problem, 'permission') or string.find(problem, "can't run this command")) then
    denied[#denied + 1] = '+' .. string.lower(command[1])
  elseif problem and #denied == 0 then
    return reply
  end
end
return table.concat(denied, ' ')
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
