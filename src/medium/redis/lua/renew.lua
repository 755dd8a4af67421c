-- renew: the holder says that it lives.
--
-- ARGV[3]  holder
-- ARGV[4]  term
-- ARGV[5]  beat
-- ARGV[6]  lease in ms
-- The rest may be left out.
-- ARGV[7]  '1' when the next three are given: renew over exactly what they name (assert)
-- ARGV[8]  identity shown
-- ARGV[9]  term shown
-- ARGV[10] stamp shown
-- ARGV[11] presence: the name of this connection, '' when the reign is not to end with it

local holder, term, beat, lease = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local has_shown = ARGV[7] == YES
local shown_identity, shown_term, shown_stamp = ARGV[8], tonumber(ARGV[9]), ARGV[10]
local presence = ARGV[11] or ''

if missing then
  return answer(false)
end

-- A reign that ends with its connection is not renewed over another one.
local is_own = record.holder == holder and record.term == term and beat > record.beat
  and (record.presence == '' or record.presence == presence)
local is_as_shown = has_shown and record.term == shown_term and record.stamp == shown_stamp
  and identity == shown_identity

if is_as_shown then
  -- Over its own record too: that is how the name of a new server gets into it.
  record = {
    holder = holder, term = term, beat = beat, stamp = command_stamp, server = identity, lease = lease, heir = '',
    presence = named(presence),
  }
elseif is_own then
  record.beat, record.stamp = beat, command_stamp
  -- A name that shows no more would only mislead those who look.
  record.presence = stands(record.presence) and record.presence or ''
else
  return answer(false)
end

announce_heartbeat(holder, number_text(term), number_text(beat), command_stamp)
write_register(record)
return answer(true)
