-- Stands before the registry's scripts, after the prologue: the instances of one kind, by the server's own time.
--
-- KEYS[2]  instances: hash, id -> record (JSON)
-- KEYS[3]  seen: sorted set, id -> when it was last heard of, server's time in ms
-- KEYS[4]  revision: raised at every change
--
-- The register's part of the result is that of a peek; granted is '0'.

local instances_key, seen_key, revision_key = KEYS[2], KEYS[3], KEYS[4]

local SILENCE_LIMIT_MS = 2000
local PATIENT_LIMIT_MS = 10000 -- for whoever was late itself
local SWEEP_LIMIT = 64 -- so that no script grows long
local REVISION_LIMIT = 9007199254740992 -- 2^53

local now_us = server_time_us()
local now_ms = math.floor(now_us / 1000)
local now = number_text(now_ms)
local newest = number_text(now_ms + SILENCE_LIMIT_MS)

-- A lost revision starts from the time, so that one from before the loss does not come back.
local revision = whole_number(call('GET', revision_key), REVISION_LIMIT)
local function write_revision(number)
  revision = number
  redis.call('SET', revision_key, number_text(number))
end
if not revision then
  write_revision(now_us)
end

local function announce_change(change)
  write_revision(revision + 1)
  call(PUBLISH, channel, '{"v":1,"revision":' .. number_text(revision) .. ',' .. change .. '}')
end

-- Takes an instance out, and announces it if it had a record.
local function forget(id)
  call('ZREM', seen_key, id)
  if call('HDEL', instances_key, id) == 1 then
    announce_change('"left":' .. cjson.encode(id))
  end
end

local function sweep(limit_ms)
  local oldest = number_text(now_ms - limit_ms)
  for _, id in ipairs(call('ZRANGEBYSCORE', seen_key, '-inf', '(' .. oldest, 'LIMIT', 0, SWEEP_LIMIT)) do
    forget(id)
  end
  -- The server's clock was set back: an instance heard of in the future would outlive its silence by as much.
  for _, id in ipairs(call('ZRANGEBYSCORE', seen_key, '(' .. newest, '+inf', 'LIMIT', 0, SWEEP_LIMIT)) do
    call('ZADD', seen_key, now, id)
  end
end

local function registry_answer()
  if was_replaced then
    -- What was lost is announced by nobody; the unannounced step tells all to read the roster.
    write_revision(revision + 1)
  end
  local reply = answer(false)
  reply[#reply + 1] = number_text(revision)
  return reply
end
