-- release: the holder goes. The term stays, the stamp is new.
--
-- ARGV[3]  holder
-- ARGV[4]  term
-- ARGV[5]  heir, '' for none

local holder, term, heir = ARGV[3], tonumber(ARGV[4]), ARGV[5]

if missing or record.holder ~= holder or record.term ~= term then
  return answer(false)
end

record.holder, record.stamp, record.heir, record.presence = '', command_stamp, heir, ''
announce_vacancy(record)
write_register(record)
return answer(true)
