-- leave: the leader leaves a checkpoint for whoever leads next.
--
-- ARGV[5]  value (JSON)

redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'term', ARGV[4], 'value', ARGV[5])
return { fence }
