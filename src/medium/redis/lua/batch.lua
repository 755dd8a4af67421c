-- batch: makes several calls of one script at once, for kinds that have nothing to do with each other. Each is what it would be by itself: it has
-- its own keys and arguments, and an error of one is that one's alone. The script's text stands before this as a function.
--
-- KEYS     those of the first call, then those of the second, and so on
-- ARGV[1]  how many keys each call has
-- ARGV[2]  how many arguments each call has
-- ARGV[3]  and on: the arguments of the first call, then those of the second, and so on
--
-- Result: for each call one bulk string, the parts of its result joined by spaces; or its error.

local keys_each, arguments_each = tonumber(ARGV[1]), tonumber(ARGV[2])

local function copy(part, list, before, count)
  for position = 1, count do
    part[position] = list[before + position]
  end
end

-- Filled anew for each call: two tables for each would be much of the garbage.
local keys, arguments = {}, {}

local replies = {}
for before = 0, #KEYS / keys_each - 1 do
  copy(keys, KEYS, before * keys_each, keys_each)
  copy(arguments, ARGV, 2 + before * arguments_each, arguments_each)
  local is_done, reply = pcall(call_one, keys, arguments)
  if type(reply) ~= 'table' then
    -- An error that was raised as a text.
    reply = redis.error_reply('ERR ' .. tostring(reply))
  elseif is_done and not reply.err then
    -- No part has a space in it.
    reply = table.concat(reply, ' ')
  end
  replies[before + 1] = reply
end
return replies
