-- recall: reads what a leader left. The register's part of the result is that of a peek.
--
-- Adds to the result: 13 the term of the leader that left it, 14 the value; both '' where there is none

local reply = answer(false)
reply[13], reply[14] = read_checkpoint()
return reply
