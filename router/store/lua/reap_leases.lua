-- Takes claimed jobs whose lease has run out from their dead workers: back to their lane as a loss.
-- After a gap in reaping nothing is reaped for one lease: the leases ran out for want of Redis or of a dispatcher.
-- KEYS[1..3]: the prefixes of our keys, of Celery's queues and of Celery's results
-- args:
--   now?, expected?: ms; without the first, our clock, which a dispatcher expects to show the second
--   lease_ms: for how long one lasts
--   max_losses: after which a job fails
--   dead_ms: for how long a dead letter is kept
--   most: how many at most
--   models: all that there are
-- returns:
--   back, ended: how many jobs were given back, and how many ended
-- uses: time, keep_time, wake, move, lane, running, reservation, batch, delivery, finish, trouble, fault
redis.call('DEL', key.answer('')) -- a removal first, so that a Redis with its memory full lets the script pass
local GAP = 2000
local now = kept_clock(args.now, args.expected)
local reap = redis.call('HMGET', key.reap(), 'last', 'resume')
local resume = tonumber(reap[2] or '0')
if now - tonumber(reap[1] or '0') > GAP then resume = now + args.lease_ms end
if resume > now + args.lease_ms then resume = now + args.lease_ms end -- the clock was set meanwhile
redis.call('HSET', key.reap(), 'last', now, 'resume', resume)
if now < resume then return {'back', 0, 'ended', 0} end

local function lose(id, model)
  local job = redis.call('HMGET', key.job(id), 'binding', 'attempts', 'worker', 'started', 'deadline', 'streamed', 'state')
  if not job[7] then return forget_lost(id, key.running(model)) end
  if job[7] ~= 'running' then return end_running(model, id) end -- its ledger is not this one, as for a damaged record
  local read, decision = pcall(cjson.decode, redis.call('GET', key.decision(id)) or 'null')
  end_running(model, id)
  redis.call('DEL', key.decision(id)) -- it goes into the history
  if job[3] then redis.call('HDEL', key.workers(model), job[3]) end -- a worker that lives after all announces itself again
  local losses = redis.call('HINCRBY', key.job(id), 'losses', 1)
  redis.call('HINCRBY', key.job(id), 'attempts', -1)
  redis.call('HINCRBY', key.stats(model), 'error:worker_lost', 1)
  redis.call('RPUSH', key.history(id), cjson.encode({
    number = tonumber(job[2]) or 0, binding = tonumber(job[1]) or 0, model = model, worker = job[3] or '',
    started = (tonumber(job[4]) or now) / 1000,
    ended = now / 1000, kind = 'worker_lost', reason = 'its worker stopped renewing the lease',
    decision = read and decision or nil,
  }))
  local ttl = args.dead_ms
  if now >= (tonumber(job[5]) or 0) then
    finish('reap', id, 'running', 'expired',
      {now = now, ttl = ttl, kind = 'expired', message = 'the deadline passed while its worker was lost'})
    return false
  end
  if losses >= args.max_losses then
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
  redis.call('HDEL', key.job(id), 'claim', 'faults')
  give_back(id)
  return true
end

local back, ended = 0, 0
local how = {now = now, dead_ms = args.dead_ms, doing = 'taking it from its lost worker'}
for _, model in ipairs(args.models) do
  local lost = redis.call('ZRANGEBYSCORE', key.running(model), '-inf', now, 'LIMIT', 0, args.most)
  for _, id in ipairs(lost) do
    local kept = alone(key.running(model), id, how, lose, model)
    if kept then back = back + 1 elseif kept == false then ended = ended + 1 end
  end
end
if back + ended > 0 then wake() end
return {'back', back, 'ended', ended}
