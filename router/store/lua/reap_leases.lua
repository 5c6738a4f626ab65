-- Takes claimed jobs whose lease has run out from their dead workers: back to their lane as a loss.
-- After a gap in reaping nothing is reaped for one lease: the leases ran out for want of Redis or of a dispatcher.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- ARGV[1]: now in ms, or '' for Redis's clock   ARGV[2]: lease in ms   ARGV[3]: losses at most
-- ARGV[4]: ms that a dead letter is kept   ARGV[5]: how many at most   ARGV[6...]: models
-- returns: {how many jobs were given back, how many ended}
-- uses: time, wake, move, lane, batch, delivery, finish
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local GAP = 2000
local now = clock(ARGV[1])
local reap = redis.call('HMGET', key.reap(), 'last', 'resume')
local resume = tonumber(reap[2] or '0')
if now - tonumber(reap[1] or '0') > GAP then resume = now + tonumber(ARGV[2]) end
redis.call('HSET', key.reap(), 'last', now, 'resume', resume)
if now < resume then return {0, 0} end

local function lose(id, model)
  local job = redis.call('HMGET', key.job(id), 'binding', 'attempts', 'worker', 'started', 'deadline', 'streamed')
  local read, decision = pcall(cjson.decode, redis.call('GET', key.decision(id)) or 'null')
  redis.call('ZREM', key.running(model), id)
  redis.call('DEL', key.decision(id)) -- it goes into the history
  local losses = redis.call('HINCRBY', key.job(id), 'losses', 1)
  redis.call('HINCRBY', key.job(id), 'attempts', -1)
  redis.call('HINCRBY', key.stats(model), 'error:worker_lost', 1)
  redis.call('RPUSH', key.history(id), cjson.encode({
    number = tonumber(job[2]), binding = tonumber(job[1]), model = model, worker = job[3] or '',
    started = tonumber(job[4] or now) / 1000,
    ended = now / 1000, kind = 'worker_lost', reason = 'its worker stopped renewing the lease',
    decision = read and decision or nil,
  }))
  local ttl = tonumber(ARGV[4])
  if now >= tonumber(job[5]) then
    finish('reap', id, 'running', 'expired',
      {now = now, ttl = ttl, kind = 'expired', message = 'the deadline passed while its worker was lost'})
    return false
  end
  if losses >= tonumber(ARGV[3]) then
    finish('reap', id, 'running', 'failed',
      {now = now, ttl = ttl, kind = 'worker_lost', message = losses .. ' workers died with this job'})
    return false
  end
  if job[6] == job[1] then
    finish('reap', id, 'running', 'failed',
      {now = now, ttl = ttl, kind = 'worker_lost', message = 'its worker was lost after the first words of the answer'})
    return false
  end
  move('reap', id, 'running', 'pending')
  redis.call('HDEL', key.job(id), 'claim')
  give_back(id)
  return true
end

local back, ended = 0, 0
for i = 6, #ARGV do
  local lost = redis.call('ZRANGEBYSCORE', key.running(ARGV[i]), '-inf', now, 'LIMIT', 0, ARGV[5])
  for _, id in ipairs(lost) do
    if lose(id, ARGV[i]) then back = back + 1 else ended = ended + 1 end
  end
end
if back + ended > 0 then wake() end
return {back, ended}
