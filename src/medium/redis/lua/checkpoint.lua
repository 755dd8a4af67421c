-- Stands before the scripts that read or write what a leader left.
--
-- KEYS[2]  checkpoint: hash of `term`, of the leader that left it, and `value` (JSON)

local CHECKPOINT_LIMIT = 65536

-- Its two parts, both '' where there is none.
local function read_checkpoint()
  local fields = call('HMGET', KEYS[2], 'term', 'value')
  local term, value = whole_number(fields[1], NUMBER_LIMIT), fields[2]
  if not term or not value or value == '' or #value > CHECKPOINT_LIMIT then
    return '', ''
  end
  return number_text(term), value
end
