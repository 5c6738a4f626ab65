-- Pauses a model, or resumes it: a resume also ends its cooling, closes its breaker and forgets that
-- it was down or suspect.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   model: its name
--   reason?: in words; without it, the model is resumed
-- returns: 1
-- uses: wake
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
if not args.reason then
  redis.call('DEL', key.model(args.model), key.allowance(args.model))
  redis.call('DEL', key.breaker(args.model), key.outcomes(args.model), key.probes(args.model))
else
  redis.call('HSET', key.model(args.model), 'paused', args.reason)
end
wake()
return 1
