-- Whether a job is still where somebody saw it: in a lane, in intake (''), or held under a binding.
local function is_still_there(id, seen)
  local job = redis.call('HMGET', key.job(id), 'state', 'binding')
  if not seen.lane then
    return (job[1] == 'bound' or job[1] == 'running') and job[2] == tostring(seen.binding)
  end
  local line = seen.lane == '' and key.intake() or key.lane(seen.lane)
  return job[1] == 'pending' and redis.call('ZSCORE', line, id)
end
