-- leave: the leader leaves a checkpoint for whoever leads next.
--
-- ARGV[5]  value (JSON)

write_checkpoint(ARGV[4], ARGV[5])
return { fence }
