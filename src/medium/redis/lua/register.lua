-- Stands before every body, after the words: begins a call, and reads the register.
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

record = read_register()
missing = not record
if missing then
  -- Vacant, of no term, granted by nobody. The time keeps it apart from what a second delivery of this command would write.
  record = {
    holder = '', term = 0, beat = 0, stamp = command_stamp .. '-' .. number_text(server_time_us()),
    server = '', lease = 0, heir = '', presence = '',
  }
  redis.call('DEL', register_key)
  write_register(record)
end
