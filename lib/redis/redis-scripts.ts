import { createHash } from 'node:crypto';

/** A Lua script and the name by which Redis knows it. */
export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

/**
 * Reads the marker of a partition, which names its unbroken memory: `name`, then since when it is complete, then the
 * server it was complete on. Where the marker is missing (Redis came back empty, or was flushed) or names another
 * server (it restarted, a replica was promoted, the slot moved), what was known may be lost: a new memory begins.
 * The server is asked in the same atomic step: no knowledge of the client's about its connection could be as fresh.
 *
 * A name is 48 bits of time, 8 characters of base64url, and never comes again.
 */
const MEMORY = `
local ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
local function numberOf(name)
  local number = 0
  for i = 1, 8 do number = number * 64 + string.find(ALPHABET, string.sub(name, i, i), 1, true) - 1 end
  return number
end
local function nameOf(number)
  local name = ''
  for _ = 1, 8 do
    local digit = number % 64
    name = string.sub(ALPHABET, digit + 1, digit + 1) .. name
    number = (number - digit) / 64
  end
  return name
end

local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not server then return redis.error_reply('NORUNID the server does not tell its run id') end
local time = redis.call('TIME')
local nowSeconds = tonumber(time[1])
local memory, since, owner = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%d+) (%x+)$')
if owner ~= server then
  local number = nowSeconds * 16384 + math.floor(tonumber(time[2]) * 16384 / 1000000)
  if memory then number = math.max(number, numberOf(memory) + 1) end
  memory, since = nameOf(number), nowSeconds
  redis.call('SET', KEYS[1], memory .. ' ' .. since .. ' ' .. server)
end
`;

/** KEYS: marker. Answers the name of the memory. */
export const LOOK_SCRIPT = script(`${MEMORY}
return memory
`);

/**
 * KEYS: marker, the slice of this proof, other slices that a proof with the same `jti` may lie in.
 * ARGV: field, attempt, seconds the slice must live, seconds from now within which a proof from before a loss may
 * still be fresh, seconds from now until which this proof is fresh, memory named by its nonce or `-`, `challenge` or
 * `accept`; all in one, since each argument costs the client something.
 *
 * Answers `first`, `replayed`, or `unknown` and the name of the memory.
 *
 * The attempt makes a command known as its own when a client library repeats it after a lost reply. A nonce handed out
 * under the present memory proves that its proof is new. One of a later memory than the present shows a server that was
 * replaced and does not know it: nothing it remembers can be relied on.
 */
export const CLAIM_SCRIPT = script(`${MEMORY}
local field, attempt, liveSeconds, doubtSeconds, freshSeconds, named, afterLoss =
  string.match(ARGV[1], '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
for i = 2, #KEYS do
  local recorded = redis.call('HGET', KEYS[i], field)
  if recorded then return recorded == attempt and 'first' or 'replayed' end
end
if afterLoss == 'challenge' and named ~= memory then
  local lostAgo = nowSeconds - tonumber(since)
  if tonumber(freshSeconds) <= tonumber(doubtSeconds) - lostAgo then return 'unknown ' .. memory end
  if named ~= '-' and numberOf(named) > numberOf(memory) then return 'unknown ' .. memory end
end
redis.call('HSET', KEYS[2], field, attempt)
if redis.call('TTL', KEYS[2]) < 0 then redis.call('EXPIRE', KEYS[2], liveSeconds) end
return 'first'
`);

/** Answers what Redis does when its memory is full. KEYS: any, to say where to ask in a Cluster. */
export const EVICTION_SCRIPT = script(`
return string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:(%S+)')
`);

/**
 * KEYS: the ring. ARGV: the ring to begin with, the ring to be replaced, the ring to replace it with. Answers the ring
 * that is in force: whoever comes second takes what the first one wrote.
 */
export const RING_SCRIPT = script(`
local ring = redis.call('GET', KEYS[1])
local next = ring
if not ring then next = ARGV[1] elseif ring == ARGV[2] then next = ARGV[3] end
if next ~= ring then redis.call('SET', KEYS[1], next) end
return next
`);

function script(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
