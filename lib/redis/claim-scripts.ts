import { EMPTY_EPOCH, questionColumn as of } from './claim-question.js';
import {
  markColumn,
  EPOCH,
  FORGET_SLICES,
  LEDGER,
  SERVER,
  stateColumn,
  VERIFIED_EPOCH,
} from './claim-script-parts.js';
import { CLOCK_SKEW_SECONDS, SLICE_SECONDS } from './claim-slices.js';
import { createScript } from './redis-script.js';

/** Fails on a server that cannot tell what was seen. KEYS: any, to say where to ask in a Cluster. */
export const SERVER_SCRIPT = createScript(`${SERVER}
return server
`);

/** KEYS: ledger. ARGV: the present. Answers the epoch of a partition. */
export const LOOK_SCRIPT = createScript(`${SERVER}${LEDGER}${EPOCH}${VERIFIED_EPOCH}
local ledger, now = readLedger(KEYS[1], call('HGET', KEYS[1], 'state')), tonumber(ARGV[1])
if ledger.owner ~= server then beginEpoch(ledger, now) end
return verifiedEpoch(ledger, now)
`);

/**
 * What a claim does when not everything is as it nearly always is.
 *
 * 1. *A record is a record*, whatever else was lost. That of this very attempt is of a command that was sent again.
 * 2. *Another server*, or no ledger: nothing proves that nothing was lost, and a new epoch begins.
 * 3. *Complete* is a hash whose mark names the epoch. One that was begun in this epoch and is not complete has lost
 *    records. If it went before the least promise ran out, Redis broke its word, perhaps elsewhere too: a new epoch, whose
 *    nonces let clients in again. If the promise ran out, this proof is fresh for longer than records were promised to
 *    stay, and its record may have gone. The same goes for a slice that was forgotten.
 * 4. *In doubt* is a proof that may have been seen before the epoch, unless its nonce was handed out in the epoch. A
 *    nonce of a later epoch shows a server that was replaced and does not know it.
 * 5. *The promise*: the ledger knows of the hash, and the hash stays for as long as anybody who asked needs it.
 */
const CLAIM_CAREFULLY = `
local function greater(one, other)
  return one > other and one or other
end

local function claimCarefully(question, at, state, mark)
  ${LEDGER}${EPOCH}${VERIFIED_EPOCH}${FORGET_SLICES}
  local isStrict = ${of('policy')} == 'c'
  local now, proofTime, ahead = tonumber(${of('now')}), tonumber(${of('proofTime')}), tonumber(${of('ahead')})
  local home, field, attempt = KEYS[at + 1], ${of('field')}, ${of('attempt')}

  -- 1 a record is a record
  for i = at + 1, at + ${of('count')} - 1 do
    local recorded = call('HGET', KEYS[i], field)
    if recorded then return i == at + 1 and recorded == attempt and '1' or '0' end
  end

  -- 2 another server
  local ledger = readLedger(KEYS[at], state)
  local isFurtherAhead = ahead > ledger.ahead
  if isFurtherAhead then
    ledger.doubt, ledger.ahead = ledger.doubt + ahead - ledger.ahead, ahead
  end
  if ledger.owner ~= server then
    beginEpoch(ledger, now)
  elseif isFurtherAhead then
    writeLedger(ledger)
  end

  -- 3 complete
  local slice, shard = math.ceil(proofTime / ${SLICE_SECONDS}), ${of('shard')}
  local begun = call('HGET', ledger.key, slice)
  local isComplete, hasLost = mark and ${markColumn('epoch')} == ledger.epoch, false
  if not isComplete then
    local wasBegun = begun and find(begun, shard, 11, true)
    if wasBegun and now <= tonumber(sub(begun, 1, 10)) then
      beginEpoch(ledger, now)
      begun = nil
    else
      hasLost = wasBegun or slice < ledger.floor
    end
  end
  if isStrict and hasLost then return 'u' .. verifiedEpoch(ledger, now) end

  -- 4 in doubt
  local named = ${of('named')}
  if isStrict and named ~= ledger.epoch then
    local isOfLater = named ~= '${EMPTY_EPOCH}' and numberOf(named) > numberOf(ledger.epoch)
    if proofTime <= ledger.doubt or isOfLater then return 'u' .. verifiedEpoch(ledger, now) end
  end

  -- 5 the promise: what was promised before holds
  local promised, furthest = ${of('needed')}, ${of('ahead')}
  if mark then
    promised, furthest = greater(promised, ${markColumn('promised')}), greater(furthest, ${markColumn('ahead')})
  end
  if not isComplete and not hasLost then
    if not begun then
      forgetSlices(ledger, now)
      begun = promised
    end
    local least = sub(begun, 1, 10)
    if promised < least then least = promised end
    call('HSET', ledger.key, slice, least .. sub(begun, 11) .. shard)
  end
  local present = (hasLost and '${EMPTY_EPOCH}' or ledger.epoch) .. promised .. furthest
  if present == mark then
    call('HSET', home, field, attempt)
  else
    call('HSET', home, 'mark', present, field, attempt)
    call('EXPIRE', home, promised + ${CLOCK_SKEW_SECONDS} + 1 - now)
  end
  return '1'
end
`;

/**
 * What a claim nearly always is: the ledger is this server's, the hash is complete and promised for as long as is
 * needed, and the proof is not in doubt. Four commands then; strings of one width are found where their columns begin.
 */
const CLAIM = `
local function claim(question, at, count)
  local home = KEYS[at + 1]
  local state, mark = call('HGET', KEYS[at], 'state'), call('HGET', home, 'mark')
  if not state or not mark then return claimCarefully(question, at, state, mark) end

  local epoch, rules = ${markColumn('epoch')}, ${of('rules')}
  local isComplete = find(state, server, 1, true) == 1 and find(state, epoch, 41, true) == 41
  local isPromised = ${markColumn('rules')} == rules
      or ${markColumn('promised')} >= ${of('needed')} and ${markColumn('ahead')} >= ${of('ahead')}
  local named = ${of('named')}
  local isNew = named == epoch or ${of('policy')} == 'a'
      or named == '${EMPTY_EPOCH}' and ${of('proofTime')} > ${stateColumn('doubt')}
  if not isComplete or not isPromised or not isNew then return claimCarefully(question, at, state, mark) end

  local field, attempt = ${of('field')}, ${of('attempt')}
  for i = at + 2, at + count - 1 do
    if call('HEXISTS', KEYS[i], field) == 1 then return '0' end
  end
  if call('HSETNX', home, field, attempt) == 1 or call('HGET', home, field) == attempt then return '1' end
  return '0'
end
`;

/**
 * KEYS of each claim: the ledger of its partition, the hash of its own record, and others that may hold a live proof
 * with the same `jti`. ARGV: a question for each claim, see `claim-question.ts`.
 *
 * Answers for each claim, one after the other: `1` for first, `0` for replayed, `u` and the name of the present epoch for
 * unknown. The attempt makes a command known as its own when a client library repeats it after a lost reply.
 */
export const CLAIM_SCRIPT = createScript(`${SERVER}${CLAIM_CAREFULLY}${CLAIM}
local answers, at = {}, 1
for i, question in ipairs(ARGV) do
  local count = tonumber(${of('count')})
  answers[i] = claim(question, at, count)
  at = at + count
end
return table.concat(answers)
`);
