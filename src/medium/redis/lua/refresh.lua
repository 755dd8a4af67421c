-- refresh: an instance says that it lives, and sweeps those that did not.
--
-- ARGV[3]  id
-- Adds to the result: 11 revision, 12 is enrolled '1'/'0'

local id = ARGV[3]

local is_enrolled = call('HEXISTS', instances_key, id) == 1
if is_enrolled then
  call('ZADD', seen_key, now, id)
end
sweep()

local reply = registry_answer()
reply[#reply + 1] = is_enrolled and YES or NO
return reply
