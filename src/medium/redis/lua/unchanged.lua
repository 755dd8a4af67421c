-- Stands between the register and the record where a renewal is called: the short way for nearly all of them, which find the register just as the
-- last one left it. Whatever else they find goes the long way, which does the same.

local unchanged_holder, unchanged_term, next_beat, unchanged_lease = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if ARGV[7] ~= YES and fields[1] == unchanged_holder and fields[2] == unchanged_term and fields[5] == identity
  and fields[6] == unchanged_lease and fields[7] == '' and fields[8] == '' and is_text(fields[4])
  and is_digits(fields[3]) and tonumber(fields[3]) < tonumber(next_beat)
  and tonumber(unchanged_term) <= server_time_us() + TERM_LEAD then
  announce_heartbeat(unchanged_holder, unchanged_term, next_beat, command_stamp)
  call('HSET', register_key, 'beat', next_beat, 'stamp', command_stamp)
  return {
    YES, NO, identity, unchanged_holder, unchanged_term, next_beat, command_stamp, identity, unchanged_lease, '', '', '',
  }
end
