-- withdraw: an instance leaves. The last one leaves no registry behind; the register stays, as the memory of terms.
--
-- ARGV[3]  id
-- Adds to the result: 13 revision

local id = ARGV[3]

forget(id)
local reply = registry_answer()
if call('HLEN', instances_key) == 0 then
  redis.call('DEL', instances_key, seen_key, revision_key)
end
return reply
