-- Fields by name, as HSET takes them: name and value in turn.
local function in_turn(fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  return flat
end
