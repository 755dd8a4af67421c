-- fenced: runs the user's own commands, in order. The first that fails is the last.
--
-- KEYS[2]  and on: the keys that the commands name
-- ARGV[5]  the checkpoint's value (JSON) that is left once all commands are done; '' for none
-- ARGV[6]  how many commands
-- ARGV[7]  and on, for each command: how many parts it has, and its parts
-- Adds to the result: the reply to each command. Or, where one failed, '3' in place of the result's first part, then its number and its error

local replies, position = { fence }, 7
for number = 1, tonumber(ARGV[6]) do
  local last = position + tonumber(ARGV[position])
  local reply = redis.pcall(unpack(ARGV, position + 1, last))
  if type(reply) == 'table' and reply.err then
    return { '3', tostring(number), reply.err }
  end
  replies[number + 1] = reply
  position = last + 1
end
if ARGV[5] ~= '' then
  write_checkpoint(ARGV[4], ARGV[5])
end
return replies
