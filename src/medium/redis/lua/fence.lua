-- Stands before the scripts that only the leader may run.
--
-- ARGV[3]  holder
-- ARGV[4]  term
--
-- Result: first '1' where the register names the holder with its term; '0' where it does not, and nothing was done; '2' where it was written
-- under another identity than the present one, and nothing was done: data may have been lost, and with them a successor.

local fence = '1'
if missing or record.holder ~= ARGV[3] or record.term ~= tonumber(ARGV[4]) then
  fence = '0'
elseif record.server ~= identity then
  fence = '2'
end
if fence ~= '1' then
  return { fence }
end
