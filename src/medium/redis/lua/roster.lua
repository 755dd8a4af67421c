-- roster: all instances that were heard of lately.
--
-- Adds to the result: 13 revision, then for each instance its id and its record (JSON)

local seen = {}
local scores = call('ZRANGE', seen_key, 0, -1, 'WITHSCORES')
for position = 1, #scores, 2 do
  seen[scores[position]] = tonumber(scores[position + 1])
end

local instances = call('HGETALL', instances_key)
local present = {}
for position = 1, #instances, 2 do
  local id, instance = instances[position], instances[position + 1]
  if not seen[id] then
    -- Without a score it would never be swept.
    call('ZADD', seen_key, now, id)
  end
  if not seen[id] or seen[id] >= now_ms - SILENCE_LIMIT_MS then
    present[#present + 1] = id
    present[#present + 1] = instance
  end
end

local reply = registry_answer()
for _, part in ipairs(present) do
  reply[#reply + 1] = part
end
return reply
