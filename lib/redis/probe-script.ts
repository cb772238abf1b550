import { createScript, type RedisScript } from './redis-script.js';

/**
 * A script that tries commands, and returns the names of those that the ACL denies, such as `+time +del`.
 *
 * @param commands items of a table of Lua, in which `key` is the first of KEYS
 */
export function createProbeScript(commands: string): RedisScript {
  return createScript(`
local key, denied = KEYS[1], {}
local commands = {${commands}}
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
}
