import { createScript, type RedisScript } from './redis-script.js';

/**
 * A script that tries commands, and returns the names of those that the ACL denies, each once, such as `+time +del`.
 *
 * @param commands items of a table of Lua, in which `key` is the first of KEYS
 */
export function createProbeScript(commands: string): RedisScript {
  return createScript(`
local key, denied, isDenied = KEYS[1], {}, {}
local commands = {${commands}}
for _, command in ipairs(commands) do
  local reply = redis.pcall(unpack(command))
  local problem = type(reply) == 'table' and reply.err
  if problem and (string.find(problem, 'permission') or string.find(problem, "can't run this command")) then
    local right = '+' .. string.lower(command[1])
    if not isDenied[right] then denied[#denied + 1] = right end
    isDenied[right] = true
  elseif problem and #denied == 0 then
    return reply
  end
end
return table.concat(denied, ' ')
`);
}
