-- Takes from limits, group by group, each whole or not at all; before that, changes what was taken.
--
-- KEYS[1] has the processes by their last sign of life; each further key is that of a limit.
-- ARGV[1] is packed: {process, how long it lives without a sign in us, groups, changes}. A group is a list of takes.
-- A take or a change is {key's index, amount, limit, window in us}; calls at once have a window of 0.
-- Returns, packed, a list for each group: for each of its takes 1 or 0 for whether it fits, then what counts by then.
--
-- A rate's key holds what counts and when it did, as text; cell_rate.py has the arithmetic. A key of calls at once has
-- their number by process: those of a process that is dead do not count, and are deleted.

local TOLERANCE = 1e-6
local DAY_MS = 86400000
local CALLS_TTL_MS = 600000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local process, life, groups, changes = unpack(cmsgpack.unpack(ARGV[1]))

if not redis.call('ZSCORE', KEYS[1], process) then
  return redis.error_reply('STALE this process was taken for dead')
end

local alive

local function is_alive(name)
  if not alive then
    alive = {}
    for _, other in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now - life, '+inf')) do alive[other] = true end
    alive[process] = true
  end
  return alive[name]
end

local function read_calls(key)
  local cell = {level = 0, own = 0, is_calls = true}
  local counts = redis.call('HGETALL', key)
  for i = 1, #counts, 2 do
    local count = tonumber(counts[i + 1])
    if not is_alive(counts[i]) then
      redis.call('HDEL', key, counts[i])
    else
      cell.level = cell.level + count
      if counts[i] == process then cell.own = count end
    end
  end
  return cell
end

local function read_rate(key, limit, window)
  local cell = {level = 0, limit = limit, window = window}
  local text = redis.call('GET', key)
  if text then
    local level, at = string.match(text, '^(%S+) (%S+)$')
    cell.level = math.max(level - math.max(now - at, 0) * limit / window, 0)
  end
  return cell
end

local cells = {}

local function open(take)
  local index, limit, window = take[1], take[3], take[4]
  local cell = cells[index]
  if not cell then
    cell = window == 0 and read_calls(KEYS[index]) or read_rate(KEYS[index], limit, window)
    cells[index] = cell
  end
  return cell
end

local function add(cell, amount)
  cell.level = math.max(cell.level + amount, 0)
  if cell.is_calls then cell.own = math.max(cell.own + amount, 0) end
  cell.is_changed = true
end

local function fits(cell, amount, limit)
  return limit > 0 and math.min(cell.level, cell.level + amount - limit) <= limit * TOLERANCE
end

local function take_all(group)
  local is_granted = true
  local answer = {}
  for i, take in ipairs(group) do
    local does_fit = fits(open(take), take[2], take[3])
    is_granted = is_granted and does_fit
    answer[2 * i - 1] = does_fit and 1 or 0
  end
  for i, take in ipairs(group) do
    local cell = open(take)
    if is_granted then add(cell, take[2]) end
    answer[2 * i] = cell.level
  end
  return answer
end

local function write_calls(key, cell)
  if cell.own > 0 then
    redis.call('HSET', key, process, cell.own)
    redis.call('PEXPIRE', key, CALLS_TTL_MS)
  else
    redis.call('HDEL', key, process)
  end
end

local function write_rate(key, cell)
  if cell.level > 0 then
    -- A second more, for clocks that are not set quite alike on a server and what takes its place.
    local ttl = math.min(math.ceil(cell.level * cell.window / cell.limit / 1000) + 1000, DAY_MS)
    redis.call('SET', key, string.format('%.17g %.0f', cell.level, now), 'PX', string.format('%.0f', ttl))
  else
    redis.call('DEL', key)
  end
end

for _, change in ipairs(changes) do add(open(change), change[2]) end
local answers = {}
for i, group in ipairs(groups) do answers[i] = take_all(group) end
for index, cell in pairs(cells) do
  if cell.is_changed then
    if cell.is_calls then write_calls(KEYS[index], cell) else write_rate(KEYS[index], cell) end
  end
end
return cmsgpack.pack(answers)
