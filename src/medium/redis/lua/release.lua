-- release: the holder goes. The term stays, the stamp is new. Refused under another identity than the register names: a vacancy is watched as long as a
-- holder there, and a new stamp would have all who watch begin anew.
--
-- ARGV[3]  holder
-- ARGV[4]  term
-- ARGV[5]  heir, '' for none

local holder, term, heir = ARGV[3], tonumber(ARGV[4]), ARGV[5]

if missing or record.holder ~= holder or record.term ~= term or record.server ~= identity then
  return answer(false)
end

record.holder, record.stamp, record.heir, record.presence = '', command_stamp, heir, ''
announce_vacancy(record)
write_register(record)
return answer(true)
