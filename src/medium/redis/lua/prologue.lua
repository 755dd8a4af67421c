-- Stands before every script, after the server: the words that the bodies are written in. They speak of the call that is under way, which `register`
-- begins; a batch has one call after the other.
--
-- Result of every script, all bulk strings:
--   1 granted '1'/'0'   2 missing '1'/'0'   3 identity   4 holder   5 term   6 beat   7 stamp   8 server   9 lease in ms   10 heir
--   11 presence   12 whether the connection that it names stands, '1'/'0', or '' when there is none, or nobody may know
--   and from 13 on what the script itself adds.
-- Or an error; then nothing of the register was changed.

local PUBLISH = 'PUBLISH' -- or SPUBLISH, at the nodes of a cluster that have channels of slots

local register_key, command_stamp, channel
local record, missing
local was_replaced -- whether a key held another type than its own and was removed

local YES, NO = '1', '0'
local FIELDS = { 'holder', 'term', 'beat', 'stamp', 'server', 'lease', 'heir', 'presence' }
local NUMBER_LIMIT = 4503599627370496 -- 2^52: terms and beats stay below it, and exact
local TERM_LEAD = 1125899906842624 -- 2^50: a term further ahead of the time in µs was forged, and nothing could follow it
local LEASE_LIMIT_MS = 600000
local TEXT_LIMIT = 256

-- Runs a command on a key. A wrong type gives way; any other error ends the script, and names the command and the key.
local function call(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then
    return reply
  end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then
    redis.call('DEL', key)
    was_replaced = true
    return redis.call(command, key, ...)
  end
  return error(command .. ' ' .. key .. ': ' .. reply.err, 0)
end

-- Numbers whose texts are known, and the reverse: to convert a term costs as much as to call a command.
local numbers, texts = {}, {}

-- Lua's own conversion would round large numbers.
local function number_text(number)
  return texts[number] or string.format('%.0f', number)
end

local function number_of(text)
  return numbers[text] or tonumber(text)
end

local function is_digits(text)
  return text and #text <= 16 and string.find(text, '^%d+$')
end

local function whole_number(text, limit)
  if not is_digits(text) then
    return nil
  end
  local number = number_of(text)
  if number >= limit then
    return nil
  end
  -- Exact; and where no zero leads it, the number's only text.
  if text == '0' or string.byte(text) ~= 48 then
    numbers[text], texts[number] = number, text
  end
  return number
end

local function is_text(text)
  return text and #text <= TEXT_LIMIT and not string.find(text, '[^\33-\126]')
end

-- What the register's fields say, or nil when it is missing or malformed.
local function record_of(fields)
  local presence = fields[8] or ''
  local record = {
    holder = fields[1],
    term = whole_number(fields[2], NUMBER_LIMIT),
    beat = whole_number(fields[3], NUMBER_LIMIT),
    stamp = fields[4],
    server = fields[5],
    lease = whole_number(fields[6], LEASE_LIMIT_MS + 1),
    heir = fields[7],
    presence = '',
  }
  local is_well_formed = is_text(record.holder) and record.term and record.term <= server_time_us() + TERM_LEAD
    and record.beat and is_text(record.stamp)
    and is_text(record.server) and record.lease and is_text(record.heir) and is_text(presence)
  if not is_well_formed then
    return nil
  end
  -- It bears the term: what a writer that knows nothing of it left standing belongs to an earlier reign.
  local own = presence ~= '' and number_text(record.term) .. ':'
  if own and string.sub(presence, 1, #own) == own then
    record.presence = string.sub(presence, #own + 1)
  end
  return record
end

local function write_register(record)
  call('HSET', register_key, 'holder', record.holder, 'term', number_text(record.term), 'beat', number_text(record.beat),
    'stamp', record.stamp, 'server', record.server, 'lease', number_text(record.lease), 'heir', record.heir,
    'presence', record.presence == '' and '' or number_text(record.term) .. ':' .. record.presence)
end

-- Announced before it is written: where the channel is forbidden, the script ends with the register unchanged.
local function announce_heartbeat(holder, term_text, beat_text, stamp)
  call(PUBLISH, channel, '{"v":1,"type":"heartbeat","holder":' .. cjson.encode(holder)
    .. ',"term":' .. term_text .. ',"beat":' .. beat_text .. ',"stamp":' .. cjson.encode(stamp) .. '}')
end

local function announce_vacancy(record)
  call(PUBLISH, channel, '{"v":1,"type":"vacancy","term":' .. number_text(record.term)
    .. ',"stamp":' .. cjson.encode(record.stamp) .. ',"heir":' .. cjson.encode(record.heir) .. '}')
end

-- Whether the connection of that name stands: it has subscribed a channel for nothing but this. Nil when it cannot be known.
local function stands(presence)
  if presence == '' then
    return nil
  end
  local name = string.match(channel, '^.*:') .. 'presence:' .. presence
  local counts = redis.pcall('PUBSUB', 'NUMSUB', name)
  if type(counts) ~= 'table' or counts.err then
    return nil
  end
  return counts[2] > 0
end

-- What a grant over this connection names. Nothing where the server hides its identity: nobody could be replaced there.
local function named(presence)
  return identity ~= '' and stands(presence) and presence or ''
end

local STANDING = { [true] = YES, [false] = NO }

local function answer(granted)
  local standing = stands(record.presence)
  return {
    granted and YES or NO, missing and YES or NO, identity, record.holder, number_text(record.term),
    number_text(record.beat), record.stamp, record.server, number_text(record.lease), record.heir,
    record.presence, standing == nil and '' or STANDING[standing],
  }
end
