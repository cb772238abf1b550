import { argumentColumn as column, EMPTY_EPOCH } from './claim-argument.js';
import {
  BEGIN_EPOCH,
  DOUBT_UNTIL,
  FORGET_SLICES,
  LEDGER,
  markColumn,
  SERVER,
  VERIFIED_EPOCH,
} from './claim-script-parts.js';
import { CLOCK_SKEW_SECONDS, SLICE_SECONDS } from './claim-slices.js';
import { createScript } from './redis-script.js';

/**
 * Returns the replication id. Fails on a replica, and on a server that hides the id.
 *
 * KEYS: any key, which decides the node in a Cluster.
 */
export const SERVER_SCRIPT = createScript(`${SERVER}
return server
`);

/**
 * Returns the epoch of a partition, and begins a new one after a loss.
 *
 * KEYS: the ledger. ARGV: the present time in seconds.
 */
export const EPOCH_SCRIPT = createScript(`${SERVER}${LEDGER}${BEGIN_EPOCH}${VERIFIED_EPOCH}
local ledger, now = readLedger(KEYS[1], call('HGET', KEYS[1], 'state')), tonumber(ARGV[1])
if ledger.owner ~= server then beginEpoch(ledger, now) end
return verifiedEpoch(ledger, now)
`);

/**
 * The full path of a claim. `claim-script-parts.ts` has the law that the steps enforce, and numbers the cases.
 *
 * 1. *Recorded.* A proof that has a record was used, whatever else Redis lost. Only a record with the same attempt is the
 *    claim's own: the client library sent the command again after a lost reply.
 * 2. *Server.* Without a ledger of this server a new epoch begins (cases 1 and 2).
 * 3. *Complete.* A hash is complete when its mark names the epoch: it has every record that was written in the epoch. A
 *    listed hash that is not complete has lost records. Before its time, that is a loss (case 3). After its time, this
 *    instance regards proofs as fresh for longer than the hash was kept (cases 4 and 5).
 * 4. *In doubt.* A proof may have been used before the epoch if its time is not later than `doubtUntil`. A nonce of the
 *    epoch removes the doubt: the proof was made after the epoch began. A nonce of a later epoch shows that this server
 *    was replaced and does not know it.
 * 5. *Record.* The ledger lists the hash, and the hash is kept for as long as any instance has asked for it.
 */
const CLAIM_ON_FULL_PATH = `
local function later(one, other)
  return one > other and one or other
end

local function claimOnFullPath(argument, at, state, mark)
  ${LEDGER}${BEGIN_EPOCH}${VERIFIED_EPOCH}${FORGET_SLICES}
  local isStrict = ${column('policy')} == 'c'
  local now, proofTime = tonumber(${column('now')}), tonumber(${column('proofTime')})
  local maxAhead = tonumber(${column('maxAhead')})
  local ownHash, field, attempt = KEYS[at + 1], ${column('field')}, ${column('attempt')}

  -- 1 recorded
  for i = at + 1, at + ${column('keyCount')} - 1 do
    local recorded = call('HGET', KEYS[i], field)
    if recorded then return i == at + 1 and recorded == attempt and '1' or '0' end
  end

  -- 2 server; an instance that accepts times further ahead extends the doubt
  local ledger = readLedger(KEYS[at], state)
  local isFurtherAhead = maxAhead > ledger.maxAhead
  if isFurtherAhead then
    ledger.doubtUntil, ledger.maxAhead = ledger.doubtUntil + maxAhead - ledger.maxAhead, maxAhead
  end
  if ledger.owner ~= server then
    beginEpoch(ledger, now)
  elseif isFurtherAhead then
    writeLedger(ledger)
  end

  -- 3 complete
  local slice, shard = math.ceil(proofTime / ${SLICE_SECONDS}), ${column('shard')}
  local entry = call('HGET', ledger.key, slice)
  local isComplete, mayLackRecords = mark and ${markColumn('epoch')} == ledger.epoch, false
  if not isComplete then
    local isListed = entry and find(entry, shard, 11, true)
    if isListed and now <= tonumber(sub(entry, 1, 10)) then
      beginEpoch(ledger, now)
      entry = nil
    else
      mayLackRecords = isListed or slice < ledger.firstKnownSlice
    end
  end
  if isStrict and mayLackRecords then return 'u' .. verifiedEpoch(ledger, now) end

  -- 4 in doubt
  local nonceEpoch = ${column('nonceEpoch')}
  if isStrict and nonceEpoch ~= ledger.epoch then
    local isOfLaterEpoch = nonceEpoch ~= '${EMPTY_EPOCH}' and numberOf(nonceEpoch) > numberOf(ledger.epoch)
    if proofTime <= ledger.doubtUntil or isOfLaterEpoch then return 'u' .. verifiedEpoch(ledger, now) end
  end

  -- 5 record; a hash is never kept for less than its mark says, whatever its epoch
  local keptUntil, greatestAhead = ${column('keepUntil')}, ${column('maxAhead')}
  if mark then
    keptUntil = later(keptUntil, ${markColumn('keptUntil')})
    greatestAhead = later(greatestAhead, ${markColumn('maxAhead')})
  end
  if not isComplete and not mayLackRecords then
    if not entry then
      forgetSlices(ledger, now)
      entry = keptUntil
    end
    local allKeptUntil = sub(entry, 1, 10)
    if keptUntil < allKeptUntil then allKeptUntil = keptUntil end
    call('HSET', ledger.key, slice, allKeptUntil .. sub(entry, 11) .. shard)
  end
  local newMark = (mayLackRecords and '${EMPTY_EPOCH}' or ledger.epoch) .. keptUntil .. greatestAhead
  if newMark == mark then
    call('HSET', ownHash, field, attempt)
  else
    call('HSET', ownHash, 'mark', newMark, field, attempt)
    call('EXPIRE', ownHash, keptUntil + ${CLOCK_SKEW_SECONDS} + 1 - now)
  end
  return '1'
end
`;

/**
 * The fast path, which nearly every claim takes: this server wrote the ledger, the hash is complete and kept for long
 * enough, and the proof is not in doubt. It compares columns of fixed width and parses nothing.
 */
const CLAIM = `
local function claim(argument, at, keyCount)
  local ownHash = KEYS[at + 1]
  local state, mark = call('HGET', KEYS[at], 'state'), call('HGET', ownHash, 'mark')
  if not state or not mark then return claimOnFullPath(argument, at, state, mark) end

  local epoch, rules = ${markColumn('epoch')}, ${column('rules')}
  local isComplete = find(state, server, 1, true) == 1 and find(state, epoch, 41, true) == 41
  local isKeptLongEnough = ${markColumn('rules')} == rules
      or ${markColumn('keptUntil')} >= ${column('keepUntil')} and ${markColumn('maxAhead')} >= ${column('maxAhead')}
  local nonceEpoch = ${column('nonceEpoch')}
  local isAfterDoubt = nonceEpoch == epoch or ${column('policy')} == 'a'
      or nonceEpoch == '${EMPTY_EPOCH}' and ${column('proofTime')} > ${DOUBT_UNTIL}
  if not isComplete or not isKeptLongEnough or not isAfterDoubt then
    return claimOnFullPath(argument, at, state, mark)
  end

  local field, attempt = ${column('field')}, ${column('attempt')}
  for i = at + 2, at + keyCount - 1 do
    if call('HEXISTS', KEYS[i], field) == 1 then return '0' end
  end
  if call('HSETNX', ownHash, field, attempt) == 1 or call('HGET', ownHash, field) == attempt then return '1' end
  return '0'
end
`;

/**
 * Answers a batch of claims.
 *
 * KEYS, for each claim: the ledger of its partition, the hash of its own record, and the hashes that may hold another
 * live proof with the same `jti`. ARGV: one argument for each claim, see `claim-argument.ts`.
 *
 * Returns the answers in one string: `1` for first, `0` for replayed, and for unknown `u` with the name of the epoch.
 */
export const CLAIM_SCRIPT = createScript(`${SERVER}${CLAIM_ON_FULL_PATH}${CLAIM}
local answers, at = {}, 1
for i, argument in ipairs(ARGV) do
  local keyCount = tonumber(${column('keyCount')})
  answers[i] = claim(argument, at, keyCount)
  at = at + keyCount
end
return table.concat(answers)
`);
