-- Stands before the scripts that read or write what a leader left. It is in the register's hash, so that they have no other key: a cluster may have two
-- keys of one slot on two nodes for a while. No script reads it but with a take, and when it is asked for.

local CHECKPOINT_LIMIT = 65536

-- The term of the leader that left it, and its value (JSON); both '' where there is none.
local function read_checkpoint()
  local found = call('HMGET', register_key, 'checkpoint-term', 'checkpoint')
  local term, value = whole_number(found[1], NUMBER_LIMIT), found[2]
  if not term or not value or value == '' or #value > CHECKPOINT_LIMIT then
    return '', ''
  end
  return number_text(term), value
end

local function write_checkpoint(term_text, value)
  call('HSET', register_key, 'checkpoint-term', term_text, 'checkpoint', value)
end
