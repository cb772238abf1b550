import { CLOCK_SKEW_SECONDS } from './claim-slices.js';
import { HIDDEN_REPLICATION } from './redis-failure.js';

/**
 * The parts that the scripts of the replay memory are made of. What they keep, for each partition of clients:
 *
 * - A *record*, in a hash for each slice of time and shard: field → the attempt that wrote it.
 * - The *mark* of such a hash: the epoch in which the hash is complete, and until when it was promised to stay.
 * - The *ledger*: in `state` the server that it was written on, the epoch, until when proofs are in doubt, and the lowest
 *   slice that is not forgotten; beside it, for each live slice, the least that its hashes were promised, and which of
 *   them were begun.
 *
 * The law: at no instant is a proof fresh for any instance while its record is gone from the epoch that the claim
 * relies on. No rule reads the clock of Redis: it may step, and Redis then drops what it promised to keep. Times are
 * those of instances, whose clocks differ by at most half a minute.
 */

/**
 * Which server this is. Its replication id is new at every start as a master and at every promotion, so that a server
 * that was master, became a replica and is master again does not match the ledger that it wrote before. (The run id
 * stays the same then.) It is asked for in the same atomic step as the claim.
 */
export const SERVER = `
local call, sub, find = redis.call, string.sub, string.find
local info = call('INFO', 'replication')
if not find(info, 'role:master', 1, true) then
  return redis.error_reply('READONLY only a master can tell what was seen')
end
local label = find(info, 'master_replid:', 1, true)
local server = label and sub(info, label + 14, label + 53)
if not server or not find(server, '^%x+$') then
  return redis.error_reply('${HIDDEN_REPLICATION} the server does not tell its replication id')
end
`;

/** The columns of a ledger's state, first and last, as Lua counts: all of one width, as those of a question. */
const COLUMNS = { owner: '1, 40', epoch: '41, 48', doubt: '49, 58', ahead: '59, 63' };

/** Lua that reads a column of `state`. */
export function stateColumn(column: keyof typeof COLUMNS): string {
  return `sub(state, ${COLUMNS[column]})`;
}

/** The columns of a mark: its epoch, until when the hash was promised to stay, and how far ahead a proof in it may lie. */
const MARK_COLUMNS = { epoch: '1, 8', promised: '9, 18', ahead: '19', rules: '9' };

/** Lua that reads a column of `mark`. */
export function markColumn(column: keyof typeof MARK_COLUMNS): string {
  return `sub(mark, ${MARK_COLUMNS[column]})`;
}

const digits = (count: number) => `(${'%d'.repeat(count)})`;
const STATE_PATTERN = `^(%x+)(${'.'.repeat(8)})${digits(10)}${digits(5)}${digits(10)}$`;

/** A state that is missing, or that somebody else wrote, has no owner: it proves nothing. */
export const LEDGER = `
local function readLedger(key, state)
  local owner, epoch, doubt, ahead, floor = string.match(state or '', '${STATE_PATTERN}')
  return { key = key, owner = owner, epoch = epoch,
    doubt = tonumber(doubt or 0), ahead = tonumber(ahead or 0), floor = tonumber(floor or 0) }
end

local function writeLedger(ledger)
  call('HSET', ledger.key, 'state', string.format('%s%s%010d%05d%010d',
    server, ledger.epoch, ledger.doubt, ledger.ahead, ledger.floor))
end
`;

/**
 * A new epoch begins wherever it cannot be proved that nothing was lost. Whatever was seen before it has a time of at
 * most `now + ahead` by the clock of the instance that saw it: until half a minute more, a proof is in doubt. `ahead`
 * is the greatest that any instance has named, since another one may have seen more than this one would accept.
 *
 * The name of an epoch is a number of 48 bits in base64url that grows, so that an older epoch can be told from a newer.
 * It begins with the time, so that it does not come again after a loss of everything; two servers that go on from the
 * same ledger take different ones.
 */
export const EPOCH = `
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

local function beginEpoch(ledger, nowSeconds)
  local time = call('TIME')
  local number = time[1] * 16384 + math.floor(time[2] * 16384 / 1000000)
  if ledger.owner then
    number = math.max(number, numberOf(ledger.epoch) + 1 + tonumber(sub(server, 1, 4), 16) % 16384)
  end
  ledger.owner, ledger.epoch = server, nameOf(number)
  ledger.doubt, ledger.floor = nowSeconds + ledger.ahead + ${CLOCK_SKEW_SECONDS}, 0
  call('DEL', ledger.key)
  writeLedger(ledger)
end
`;

/**
 * What a client is told that is asked for a nonce: the epoch that its next proof will name. Looks first whether all is
 * there that was begun and promised to stay: the next proof would bring a loss to light, and its client would be asked
 * again. The hashes have the slot of the ledger.
 */
export const VERIFIED_EPOCH = `
local function verifiedEpoch(ledger, now)
  local entries, prefix = call('HGETALL', ledger.key), sub(ledger.key, 1, -7)
  for i = 1, #entries, 2 do
    local slice, begun = entries[i], entries[i + 1]
    if slice ~= 'state' and now <= tonumber(sub(begun, 1, 10)) then
      local hashes = {}
      for shard in string.gmatch(sub(begun, 11), '.') do hashes[#hashes + 1] = prefix .. slice .. '.' .. shard end
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
 * What was promised for a slice has run out, by the clock of any instance: its hashes may have gone, and the ledger need
 * not know them any more. No hash of a slice below the floor counts as complete again.
 */
export const FORGET_SLICES = `
local function forgetSlices(ledger, now)
  local entries, floor = call('HGETALL', ledger.key), ledger.floor
  for i = 1, #entries, 2 do
    local slice = tonumber(entries[i])
    if slice and sub(entries[i + 1], 1, 10) + ${CLOCK_SKEW_SECONDS} < now then
      call('HDEL', ledger.key, entries[i])
      ledger.floor = math.max(ledger.floor, slice + 1)
    end
  end
  if ledger.floor ~= floor then writeLedger(ledger) end
end
`;
