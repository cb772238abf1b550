import { CLOCK_SKEW_SECONDS } from './claim-slices.js';
import { HIDDEN_REPLICATION } from './redis-failure.js';

/**
 * The parts of the Lua scripts of the replay store.
 *
 * **The law.** While an instance regards a proof as fresh, the record of the proof is in Redis, or the store knows that
 * the record may be missing. In the second case the store does not answer `first`, unless the nonce shows that the
 * proof was made after the loss, or the operator chose to accept a loss.
 *
 * **What Redis holds**, for each partition of clients. All of it is in one slot:
 *
 * - A *record* of an accepted proof: one field of a hash. There is one hash for each slice of time and each shard.
 * - The *mark*, a field of each hash: the epoch in which the hash is complete, and until when the hash is to be kept.
 * - The *ledger*, a hash. Its field `state` names the server that wrote it, the epoch, until when proofs are in doubt,
 *   and the first slice that the ledger still knows. It has one field for each live slice: until when all hashes of the
 *   slice are to be kept, and the shards whose hash exists.
 *
 * An *epoch* is a time without loss. Whenever a loss is possible, a new epoch begins, and every proof that may have been
 * accepted before is in doubt.
 *
 * **Why the law holds.** A record can be missing in five ways, and each claim checks all of them in one atomic step:
 *
 * 1. Redis lost the ledger: a new epoch begins.
 * 2. Another server answers, for example a replica that was promoted: the ledger names the former server, and a new
 *    epoch begins.
 * 3. A hash is missing before its time: the ledger lists its shard, and a new epoch begins.
 * 4. A hash expired on time, and the instance that asks regards proofs as fresh for longer: the ledger lists its shard,
 *    and the answer is `unknown`.
 * 5. The same, after the ledger forgot the slice: the slice is before the first known one, and the answer is `unknown`.
 *
 * No rule compares a time with the clock of Redis. If that clock steps, Redis drops hashes early, which is case 3. All
 * times come from the clocks of the instances, which must not differ by more than half a minute.
 */

/**
 * Reads which server answers, in the same atomic step as the claim. The replication id is new at each start as a master
 * and at each promotion. A master that becomes a replica and then a master again has a new one as well. The run id of
 * Redis does not change in that case.
 */
export const SERVER = `
local call, sub, find = redis.call, string.sub, string.find
local info = call('INFO', 'replication')
if not find(info, 'role:master', 1, true) then
  return redis.error_reply('READONLY only a master has all records')
end
local label = find(info, 'master_replid:', 1, true)
local server = label and sub(info, label + 14, label + 53)
if not server or not find(server, '^%x+$') then
  return redis.error_reply('${HIDDEN_REPLICATION} INFO replication has no master_replid')
end
`;

/** Lua that reads until when proofs are in doubt from the variable `state`. Positions are counted from 1 as in Lua. */
export const DOUBT_UNTIL = 'sub(state, 49, 58)';

/** Positions in a mark: its epoch, until when its hash is kept, and how far ahead the time of its proofs may be. */
const MARK_COLUMNS = { epoch: '1, 8', keptUntil: '9, 18', maxAhead: '19', rules: '9' };

/** Lua that reads a column of the variable `mark`. */
export function markColumn(column: keyof typeof MARK_COLUMNS): string {
  return `sub(mark, ${MARK_COLUMNS[column]})`;
}

const digits = (count: number) => `(${'%d'.repeat(count)})`;
const STATE_PATTERN = `^(%x+)(${'.'.repeat(8)})${digits(10)}${digits(5)}${digits(10)}$`;

/** Reads and writes the state of a ledger. A state that is missing or malformed has no owner and proves nothing. */
export const LEDGER = `
local function readLedger(key, state)
  local owner, epoch, doubtUntil, maxAhead, firstKnownSlice = string.match(state or '', '${STATE_PATTERN}')
  return { key = key, owner = owner, epoch = epoch, doubtUntil = tonumber(doubtUntil or 0),
    maxAhead = tonumber(maxAhead or 0), firstKnownSlice = tonumber(firstKnownSlice or 0) }
end

local function writeLedger(ledger)
  call('HSET', ledger.key, 'state', string.format('%s%s%010d%05d%010d',
    server, ledger.epoch, ledger.doubtUntil, ledger.maxAhead, ledger.firstKnownSlice))
end
`;

/**
 * Begins a new epoch. Every proof that was accepted before has a time of at most `now + maxAhead` by the clock of the
 * instance that accepted it. Proofs up to that time, and half a minute more, are in doubt. `maxAhead` is the greatest
 * value that any instance has sent, since another instance may have accepted more than this one would.
 *
 * The name of an epoch is a number of 48 bits in base64url. It grows, so that a script can tell the older of two epochs.
 * It contains the time of Redis, so that no name repeats after Redis has lost everything. It also depends on the server,
 * so that two servers which continue the same ledger take different names.
 */
export const BEGIN_EPOCH = `
local ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

local function numberOf(epoch)
  local number = 0
  for i = 1, 8 do number = number * 64 + find(ALPHABET, sub(epoch, i, i), 1, true) - 1 end
  return number
end

local function nameOf(number)
  local name = ''
  for _ = 1, 8 do
    local digit = number % 64
    name = sub(ALPHABET, digit + 1, digit + 1) .. name
    number = (number - digit) / 64
  end
  return name
end

local function beginEpoch(ledger, now)
  local time = call('TIME')
  local number = time[1] * 16384 + math.floor(time[2] * 16384 / 1000000)
  if ledger.owner then
    number = math.max(number, numberOf(ledger.epoch) + 1 + tonumber(sub(server, 1, 4), 16) % 16384)
  end
  ledger.owner, ledger.epoch = server, nameOf(number)
  ledger.doubtUntil, ledger.firstKnownSlice = now + ledger.maxAhead + ${CLOCK_SKEW_SECONDS}, 0
  call('DEL', ledger.key)
  writeLedger(ledger)
end
`;

/**
 * The epoch that the next nonce of a client is to carry. It first checks that every listed hash exists which is still
 * to be kept. Otherwise the next proof of the client would reveal the loss, and the service would challenge it again.
 */
export const VERIFIED_EPOCH = `
local function verifiedEpoch(ledger, now)
  local entries, prefix = call('HGETALL', ledger.key), sub(ledger.key, 1, -7)
  for i = 1, #entries, 2 do
    local slice, entry = entries[i], entries[i + 1]
    if slice ~= 'state' and now <= tonumber(sub(entry, 1, 10)) then
      local hashes = {}
      for shard in string.gmatch(sub(entry, 11), '.') do hashes[#hashes + 1] = prefix .. slice .. '.' .. shard end
      if call('EXISTS', unpack(hashes)) < #hashes then
        beginEpoch(ledger, now)
        break
      end
    end
  end
  return ledger.epoch
end
`;

/**
 * Removes the slices from the ledger that need not be kept any more, by the clock of any instance. From then on no hash
 * of them counts as complete.
 */
export const FORGET_SLICES = `
local function forgetSlices(ledger, now)
  local entries, firstKnownSlice = call('HGETALL', ledger.key), ledger.firstKnownSlice
  for i = 1, #entries, 2 do
    local slice = tonumber(entries[i])
    if slice and sub(entries[i + 1], 1, 10) + ${CLOCK_SKEW_SECONDS} < now then
      call('HDEL', ledger.key, entries[i])
      ledger.firstKnownSlice = math.max(ledger.firstKnownSlice, slice + 1)
    end
  end
  if ledger.firstKnownSlice ~= firstKnownSlice then writeLedger(ledger) end
end
`;
