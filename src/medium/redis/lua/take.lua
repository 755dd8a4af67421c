-- take: compare-and-set on what the taker saw; grants a new term.
--
-- ARGV[3]  identity seen
-- ARGV[4]  holder seen, '' for none
-- ARGV[5]  term seen
-- ARGV[6]  stamp seen
-- ARGV[7]  watched: '1' when it was seen unchanged for a whole lease
-- ARGV[8]  holder to be
-- ARGV[9]  floor: the highest term that the taker knows of
-- ARGV[10] lease in ms
-- ARGV[11] presence: the name of this connection, '' when the reign is not to end with it
-- ARGV[12] gone: '1' when the holder's connection was seen to be gone
-- Adds to the result, where it is granted: 13 the term of the leader that left the checkpoint, 14 the value; both '' where there is none

local seen_identity, seen_holder, seen_term, seen_stamp = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local watched = ARGV[7] == YES
local holder, floor, lease = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local presence, gone = ARGV[11], ARGV[12] == YES

if missing then
  return answer(false)
end

local unchanged = identity == seen_identity and record.holder == seen_holder and record.term == seen_term
  and record.stamp == seen_stamp
-- Under another identity data may have been lost, and with them a take that followed the vacancy.
local granted_here = record.server ~= '' and record.server == identity
local vacated_here = record.holder == '' and granted_here
-- The taker's own connection shows: so it is not this server that has forgotten who is connected.
local own_presence = named(presence)
local is_deserted = gone and granted_here and own_presence ~= '' and stands(record.presence) == false

if not (unchanged and (watched or vacated_here or is_deserted)) then
  return answer(false)
end

record = {
  holder = holder,
  term = math.max(record.term + 1, floor + 1, math.min(server_time_us(), NUMBER_LIMIT - 1)),
  beat = 0, stamp = command_stamp, server = identity, lease = lease, heir = '',
  presence = own_presence,
}
local checkpoint_term, checkpoint_value = read_checkpoint()
announce_heartbeat(record.holder, number_text(record.term), number_text(record.beat), record.stamp)
write_register(record)
local reply = answer(true)
reply[13], reply[14] = checkpoint_term, checkpoint_value
return reply
