-- Ends jobs that no model can ever do; a job that has left intake meanwhile is passed over.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: ms that a dead letter is kept
-- ARGV: job id, task class or '', error kind and message, for each job in turn
-- returns: how many jobs were ended
-- uses: time, wake, move, batch, delivery, finish
local now = clock(ARGV[1])
local ended = 0
for i = 3, #ARGV, 4 do
  local id = ARGV[i]
  if redis.call('ZREM', key.intake(), id) == 1 then
    if ARGV[i + 1] ~= '' then redis.call('HSET', key.job(id), 'task_class', ARGV[i + 1]) end
    finish('reject', id, 'pending', 'failed',
      {now = now, ttl = tonumber(ARGV[2]), kind = ARGV[i + 2], message = ARGV[i + 3]})
    ended = ended + 1
  end
end
if ended > 0 then wake() end
return ended
