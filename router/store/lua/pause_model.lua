-- Pauses a model, or resumes it: a resume also ends its cooling, closes its breaker and forgets that
-- it was down.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: model   ARGV[2]: reason, or '' to resume
-- returns: 1
-- uses: wake
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
if ARGV[2] == '' then
  redis.call('DEL', key.model(ARGV[1]), key.allowance(ARGV[1]))
  redis.call('DEL', key.breaker(ARGV[1]), key.outcomes(ARGV[1]), key.probes(ARGV[1]))
else
  redis.call('HSET', key.model(ARGV[1]), 'paused', ARGV[2])
end
wake()
return 1
