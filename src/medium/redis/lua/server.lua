-- Stands before everything else: proves that this server is a master, and reads which one it is.

-- The identity names this server and this history of its data. A server that does not tell it is named by the client.
local identity = ''
local info = redis.pcall('INFO', 'replication')
if type(info) == 'string' then
  -- A replica may be writable, so that the write below alone would prove nothing.
  if string.match(info, '\nrole:(%a+)') ~= 'master' then
    return redis.error_reply('READONLY the server is not a master')
  end
  identity = string.match(info, '\nmaster_replid:(%x+)') or ''
end

-- Read once for all that one script does.
local time_us

local function server_time_us()
  if not time_us then
    local time = redis.call('TIME')
    time_us = time[1] * 1000000 + time[2]
  end
  return time_us
end
