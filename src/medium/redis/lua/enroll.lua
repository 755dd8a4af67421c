-- enroll: enters or replaces an instance's record.
--
-- ARGV[3]  id
-- ARGV[4]  record (JSON)
-- Adds to the result: 13 revision, 14 is enrolled '1'

local id, instance = ARGV[3], ARGV[4]

call('HSET', instances_key, id, instance)
call('ZADD', seen_key, now, id)
announce_change('"enrolled":' .. instance)

local reply = registry_answer()
reply[#reply + 1] = YES
return reply
