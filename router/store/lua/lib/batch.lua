-- Batches: the ends of their jobs are counted, and whoever looks after a batch is called when the last one has ended.
local function all_ended(batch)
  local counts = redis.call('HMGET', key.batch(batch), 'jobs', 'succeeded', 'failed', 'expired', 'cancelled')
  if not counts[1] then return false end
  local ended = 0
  for i = 2, 5 do ended = ended + (tonumber(counts[i]) or 0) end
  return ended >= tonumber(counts[1])
end

local function call_for_look(batch)
  redis.call('ZADD', key.open_batches(), 'XX', 0, batch)
  redis.call('PUBLISH', key.batch_due(), batch)
end

-- An ended batch never changes, whatever becomes of a line that is retried as a dead letter.
local function is_open_batch(batch)
  return redis.call('EXISTS', key.batch(batch)) == 1 and redis.call('ZSCORE', key.open_batches(), batch)
end

local function count_end(id, batch, offset, after)
  if not is_open_batch(batch) then return end
  redis.call('HINCRBY', key.batch(batch), after, 1)
  redis.call('RPUSH', key.ends(batch), (offset or '0') .. ':' .. (id:match('(%d+)$') or '0'))
  if all_ended(batch) then call_for_look(batch) end
end

-- A job that begins anew has not ended.
local function uncount_end(batch, before)
  if is_open_batch(batch) then redis.call('HINCRBY', key.batch(batch), before, -1) end
end
