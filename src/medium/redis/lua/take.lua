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

local seen_identity, seen_holder, seen_term, seen_stamp = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local watched = ARGV[7] == YES
local holder, floor, lease = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])

if missing then
  return answer(false)
end

local unchanged = identity == seen_identity and record.holder == seen_holder and record.term == seen_term
  and record.stamp == seen_stamp
-- Under another identity data may have been lost, and with them a take that followed the vacancy.
local vacated_here = record.holder == '' and record.server ~= '' and record.server == identity

if not (unchanged and (watched or vacated_here)) then
  return answer(false)
end

record = {
  holder = holder,
  term = math.max(record.term + 1, floor + 1, math.min(server_time_us(), NUMBER_LIMIT - 1)),
  beat = 0, stamp = command_stamp, server = identity, lease = lease, heir = '',
}
announce_heartbeat(record)
write_register(record)
return answer(true)
