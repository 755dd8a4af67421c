-- Stands before every body, after the words: begins a call, and reads the register's fields.
--
-- KEYS[1]  the register
-- ARGV[1]  the command's stamp, drawn anew for every command
-- ARGV[2]  the channel to announce on

register_key, command_stamp, channel = KEYS[1], ARGV[1], ARGV[2]
was_replaced = false

-- The first write: a replica refuses it, a server at its memory limit admits it, and with it all writes after it.
-- It also takes away an expiry that somebody else may have set: the register has none.
local persisted = redis.pcall('PERSIST', register_key)
if type(persisted) == 'table' and persisted.err then
  return persisted
end

local fields = call('HMGET', register_key, unpack(FIELDS))
