-- Stands before every body, after the register: what its fields say, or the placeholder that is written in place of nothing.

record = record_of(fields)
missing = not record
if missing then
  -- Vacant, of no term, granted by nobody. The time keeps it apart from what a second delivery of this command would write.
  record = {
    holder = '', term = 0, beat = 0, stamp = command_stamp .. '-' .. number_text(server_time_us()),
    server = '', lease = 0, heir = '', presence = '',
  }
  -- Over what stood there, so that a checkpoint stays.
  write_register(record)
end
