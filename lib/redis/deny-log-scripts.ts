import { createProbeScript } from './probe-script.js';
import { createScript } from './redis-script.js';

/**
 * The scripts of the deny-list. Its entries are in one stream, in the order in which they were appended. Each has one field,
 * whose value is `mark key tag issuedBefore endsAtSeconds`, see `formatDenyLogValue`.
 *
 * **The law.** The stream is only ever appended to, and shortened from the front, by entries that have ended; its newest entry
 * stays. A replica has a beginning of the stream. An instance knows the id and the random mark of the last entry that it has
 * read. If Redis still has that entry, it has everything before it that has not ended, and what is after it is all that the
 * instance lacks. If it has not, Redis has lost entries: the instance reads the stream from its beginning, and appends what
 * is missing there. A reply that is lost changes nothing: the instance asks from the same entry again.
 */

/** Removes entries from the front that have ended. It is a write also if there are none: a replica must not answer. */
const TRIM = `
local function trim(key, now)
  local ended = { '0-1' }
  local front = redis.call('XRANGE', key, '-', '+', 'COUNT', 9)
  for index = 1, #front - 1 do
    if (tonumber(string.match(front[index][2][2], '%d+$')) or math.huge) > now then break end
    ended[#ended + 1] = front[index][1]
  end
  redis.call('XDEL', key, unpack(ended))
end
local function isMarked(entry, mark)
  return entry ~= nil and string.match(entry[2][2], '^%S+') == mark
end
`;

/**
 * What comes after an entry. Returns whether Redis still has that entry, and then id and value of each entry in turn. If it
 * has not, they are the first of the stream.
 *
 * KEYS: the stream. ARGV: now in seconds, the maximum of entries, id (`0`: from the beginning) and mark of the last one read.
 */
export const READ_SCRIPT = createScript(`${TRIM}
local key, from, isContinuous = KEYS[1], '-', 1
if ARGV[3] ~= '0' then
  if isMarked(redis.call('XRANGE', key, ARGV[3], ARGV[3])[1], ARGV[4]) then from = '(' .. ARGV[3] else isContinuous = 0 end
end
local reply = { isContinuous }
for _, entry in ipairs(redis.call('XRANGE', key, from, '+', 'COUNT', ARGV[2])) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][2]
end
trim(key, tonumber(ARGV[1]))
return reply
`);

/**
 * Appends entries. Returns 1, or 0 if it has appended none.
 *
 * KEYS: the stream. ARGV: now in seconds, for how many seconds to keep the stream, then either `max`, the maximum number of
 * entries and an empty argument, or `after`, id and mark of the newest entry (`0` and nothing for none); then the values.
 * With `after`, of several instances that write back the same entries, one does. Redis takes an entry even at `maxmemory`,
 * because the script has written before: a revocation does not wait for memory, and the maximum bounds what it takes.
 */
export const APPEND_SCRIPT = createScript(`${TRIM}
local key = KEYS[1]
trim(key, tonumber(ARGV[1]))
if ARGV[3] == 'max' then
  if redis.call('XLEN', key) >= tonumber(ARGV[4]) then return 0 end
else
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  if newest == nil then
    if ARGV[4] ~= '0' then return 0 end
  elseif newest[1] ~= ARGV[4] or not isMarked(newest, ARGV[5]) then
    return 0
  end
end
for at = 6, #ARGV do redis.call('XADD', key, '*', 'r', ARGV[at]) end
if redis.call('TTL', key) < tonumber(ARGV[2]) then redis.call('EXPIRE', key, ARGV[2]) end
return 1
`);

/** Tries each command of the other scripts of the deny-list. KEYS: a key that no other script uses. */
export const DENY_PROBE_SCRIPT = createProbeScript(`
  { 'XADD', key, '*', 'r', '' }, { 'TTL', key }, { 'EXPIRE', key, 10 }, { 'XRANGE', key, '-', '+', 'COUNT', 1 },
  { 'XREVRANGE', key, '+', '-', 'COUNT', 1 }, { 'XDEL', key, '0-1' }, { 'XLEN', key },
`);
