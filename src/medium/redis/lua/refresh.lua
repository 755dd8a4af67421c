-- refresh: an instance says that it lives, and sweeps those that did not. If it comes late itself, it is patient with the others:
-- where a server or its clients have too much to do, many are late, and were the living swept, their return would be still more to do.
--
-- ARGV[3]  id
-- Adds to the result: 13 revision, 14 is enrolled '1'/'0'

local id = ARGV[3]

local LATE_MS = 1500 -- of the 1000 that refreshes are apart

local is_enrolled = call('HEXISTS', instances_key, id) == 1
-- Raised by nothing: it tells the score, and needs no right that is not needed anyway.
local last = tonumber(call('ZADD', seen_key, 'XX', 'INCR', '0', id) or nil)
if is_enrolled then
  call('ZADD', seen_key, now, id)
end
local is_late = not last or now_ms - last > LATE_MS
sweep(is_late and PATIENT_LIMIT_MS or SILENCE_LIMIT_MS)

local reply = registry_answer()
reply[#reply + 1] = is_enrolled and YES or NO
return reply
