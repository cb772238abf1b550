import { createScript } from './redis-script.js';

/**
 * Tries each command that the other scripts use, on a key that nothing else uses, and answers the names of those that
 * are denied to the ACL user. KEYS: that key.
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
