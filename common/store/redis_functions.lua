#!lua name=headrace___VERSION__
-- The changes of a partition, each one call: all of it or nothing, and only in its owner's epoch.
-- Keys of partition N begin with {pN}: p head, x:ID an execution (a list: its row, then its first 511 task runs),
-- t:ID:K the next 512 task runs each, a active ids, c index by creation, n index of notable ones, h:ID children of ID,
-- f numbers of flows, d timers, o outbox, s notes, k:ID requests, g deleted ones whose logs are still to be swept.
-- Every check stands before the first write: an error in the middle would leave half a batch.

local RUNS_A_LIST = 512
local FIELDS_AT_ONCE = 2000
local LOST_EPOCHS = 1048576

local function whole(number) return string.format('%.0f', number) end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function is_set(flags, mask) return math.floor(flags / mask) % 2 == 1 end
local ACTIVE, NOTABLE = 1, 2

-- An execution's row: 4 bytes number of its flow, then what the client packed: flags, state, length of the parent's id, it.
local function parent_of(row)
  local length = string.byte(row, 7)
  return string.sub(row, 8, 7 + length)
end

-- Of this call only: between calls the data may be emptied or be another master's.
local flow_numbers = {}

local function flow_number(prefix, flow)
  if flow_numbers[flow] then return flow_numbers[flow] end
  local key = prefix .. 'f'
  local number = redis.call('HGET', key, flow)
  if not number then
    number = redis.call('HLEN', key) + 1
    redis.call('HSET', key, flow, number)
  end
  flow_numbers[flow] = struct.pack('<I4', tonumber(number))
  return flow_numbers[flow]
end

local ops = {}

-- id, packed row, created, flow, parent
function ops.x(prefix, args, at)
  local id, value, created = args[at], args[at + 1], args[at + 2]
  local key = prefix .. 'x:' .. id
  local old = redis.call('LINDEX', key, 0)
  local flags, before, number = string.byte(value, 1), 0, nil
  if old and old ~= '' then
    number, before = string.sub(old, 1, 4), string.byte(old, 5)
    redis.call('LSET', key, 0, number .. value)
  else
    number = flow_number(prefix, args[at + 3])
    redis.call(old and 'LSET' or 'RPUSH', key, unpack(old and {0, number .. value} or {number .. value}))
    redis.call('ZADD', prefix .. 'c', created, id .. '\0' .. number)
    if args[at + 4] ~= '' then redis.call('ZADD', prefix .. 'h:' .. args[at + 4], created, id .. '\0' .. number) end
  end
  if is_set(flags, ACTIVE) ~= is_set(before, ACTIVE) then
    redis.call(is_set(flags, ACTIVE) and 'SADD' or 'SREM', prefix .. 'a', id)
  end
  if is_set(flags, NOTABLE) ~= is_set(before, NOTABLE) then
    if is_set(flags, NOTABLE) then redis.call('ZADD', prefix .. 'n', created, id .. '\0' .. number)
    else redis.call('ZREM', prefix .. 'n', id .. '\0' .. number) end
  end
  return at + 5
end

local function runs_key(prefix, id, list)
  if list == 0 then return prefix .. 'x:' .. id end
  return prefix .. 't:' .. id .. ':' .. list
end

-- The lists before it are there and full, so that whoever reads or deletes them finds every one.
local function first_length(prefix, id, list)
  local length = redis.call('LLEN', runs_key(prefix, id, list))
  local earlier = list - 1
  while length == 0 and earlier >= 0 do
    local key = runs_key(prefix, id, earlier)
    local there = redis.call('LLEN', key)
    for _ = there + 1, RUNS_A_LIST do redis.call('RPUSH', key, '') end
    if there > 0 then break end
    earlier = earlier - 1
  end
  return length
end

-- Place 0 of the first list is the execution's row.
local function put_run(prefix, id, index, value, lengths)
  local list, place = math.floor((index + 1) / RUNS_A_LIST), (index + 1) % RUNS_A_LIST
  local key = runs_key(prefix, id, list)
  local length = lengths[list] or first_length(prefix, id, list)
  while length < place do
    redis.call('RPUSH', key, '')
    length = length + 1
  end
  if place == length then
    redis.call('RPUSH', key, value)
    length = length + 1
  else
    redis.call('LSET', key, place, value)
  end
  lengths[list] = length
end

-- id, count, then index and value of each
function ops.t(prefix, args, at)
  local id, count, lengths = args[at], tonumber(args[at + 1]), {}
  at = at + 2
  for _ = 1, count do
    put_run(prefix, id, tonumber(args[at]), args[at + 1], lengths)
    at = at + 2
  end
  return at
end

-- Which hash, count, then field and value of each.
function ops.h(prefix, args, at)
  local key, last = prefix .. args[at], at + 1 + 2 * tonumber(args[at + 1])
  for first = at + 2, last, FIELDS_AT_ONCE do
    redis.call('HSET', key, unpack(args, first, math.min(first + FIELDS_AT_ONCE - 1, last)))
  end
  return last + 1
end

-- Which hash, count, then the fields that go.
function ops.H(prefix, args, at)
  local key, last = prefix .. args[at], at + 1 + tonumber(args[at + 1])
  for first = at + 2, last, FIELDS_AT_ONCE do
    redis.call('HDEL', key, unpack(args, first, math.min(first + FIELDS_AT_ONCE - 1, last)))
  end
  return last + 1
end

-- request id, value, milliseconds to live
function ops.k(prefix, args, at)
  redis.call('SET', prefix .. 'k:' .. args[at], args[at + 1], 'PX', args[at + 2])
  return at + 3
end

-- id: with its task runs and from every index
function ops.X(prefix, args, at)
  local id = args[at]
  local row = redis.call('LINDEX', prefix .. 'x:' .. id, 0)
  if not row then return at + 1 end
  if row ~= '' then
    local member, parent = id .. '\0' .. string.sub(row, 1, 4), parent_of(row)
    redis.call('ZREM', prefix .. 'c', member)
    redis.call('ZREM', prefix .. 'n', member)
    redis.call('SREM', prefix .. 'a', id)
    if parent ~= '' then redis.call('ZREM', prefix .. 'h:' .. parent, member) end
  end
  local list = 0
  while redis.call('UNLINK', runs_key(prefix, id, list)) == 1 do list = list + 1 end
  redis.call('SADD', prefix .. 'g', id)
  return at + 1
end

-- epoch, writer, number of the batch, then what it does. A batch that comes again is answered and changes nothing.
local function commit(keys, args)
  local head = redis.call('HMGET', keys[1], 'e', 'w', 's')
  local epoch = head[1] or '0'
  if epoch ~= args[1] then return redis.error_reply('HRFENCED ' .. epoch) end
  local applied = 0
  if head[2] == args[2] then applied = tonumber(head[3]) end
  local number = tonumber(args[3])
  if number <= applied then return applied end
  if number ~= applied + 1 then return redis.error_reply('HRGAP ' .. whole(applied)) end
  flow_numbers = {}
  local prefix, at, last = string.sub(keys[1], 1, -2), 4, #args
  while at <= last do at = ops[args[at]](prefix, args, at + 1) end
  redis.call('HSET', keys[1], 'w', args[2], 's', args[3])
  return number
end

-- Time left to the holder: never more than it asked for, should the server's clock have gone back.
local function time_left(head, now)
  local ends, length = tonumber(head[3] or '0'), tonumber(head[4] or '0')
  return math.max(0, math.min(ends - now, length))
end

-- owner, lease in ms, highest epoch its owner knows of, 'force' to take it from whoever has it.
-- Gives {1, epoch} or {0, owner, ms left}.
local function acquire(keys, args)
  local head = redis.call('HMGET', keys[1], 'e', 'o', 'u', 'd', 'r')
  local now = now_ms()
  local left = time_left(head, now)
  if args[4] ~= 'force' and left > 0 and head[2] ~= args[1] then
    if now + left < tonumber(head[3]) then redis.call('HSET', keys[1], 'u', whole(now + left)) end
    return {0, head[2], left}
  end
  local epoch = math.max(tonumber(head[1] or '0'), tonumber(args[3])) + 1
  -- Another server than last time may have forgotten the latest owners: go beyond them all.
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  if head[5] and head[5] ~= run then epoch = epoch + LOST_EPOCHS end
  epoch = whole(math.max(epoch, now))
  redis.call('HSET', keys[1], 'e', epoch, 'w', '', 's', '0', 'o', args[1], 'u', whole(now + tonumber(args[2])), 'd', args[2],
             'r', run)
  return {1, epoch}
end

-- owner, epoch, lease in ms
local function renew(keys, args)
  local head = redis.call('HMGET', keys[1], 'e', 'o')
  if head[1] ~= args[2] or head[2] ~= args[1] then return redis.error_reply('HRFENCED ' .. (head[1] or '0')) end
  redis.call('HSET', keys[1], 'u', whole(now_ms() + tonumber(args[3])), 'd', args[3])
  return 1
end

-- owner, epoch: anybody may take it now; its epoch stays
local function release(keys, args)
  local head = redis.call('HMGET', keys[1], 'e', 'o')
  if head[1] ~= args[2] or head[2] ~= args[1] then return redis.error_reply('HRFENCED ' .. (head[1] or '0')) end
  redis.call('HSET', keys[1], 'u', '0', 'd', '0')
  return 1
end

-- {owner, epoch, ms left}
local function holder(keys)
  local head = redis.call('HMGET', keys[1], 'e', 'o', 'u', 'd')
  return {head[2] or '', head[1] or '0', time_left(head, now_ms())}
end

-- Schedulers: a set of their ids, and a key of each that ends unless it says again that it is there.
-- id, what it says of itself, ms
local function announce(keys, args)
  redis.call('SET', keys[2], args[2], 'PX', args[3])
  redis.call('SADD', keys[1], args[1])
  return 1
end

-- id
local function leave(keys, args)
  redis.call('UNLINK', keys[2])
  redis.call('SREM', keys[1], args[1])
  return 1
end

-- {id, what it says, ms until that ends or -1 when that may not be asked, …}
local function members(keys)
  local there = {}
  for _, id in ipairs(redis.call('SMEMBERS', keys[1])) do
    local says = redis.call('GET', '{hr}:m:' .. id)
    if says then
      there[#there + 1] = id
      there[#there + 1] = says
      local left = redis.pcall('PTTL', '{hr}:m:' .. id)
      there[#there + 1] = type(left) == 'number' and left or -1
    else
      redis.call('SREM', keys[1], id)
    end
  end
  return there
end

-- Every list of an execution on one state of the data.
local function read_runs(keys)
  local prefix, id = string.match(keys[1], '^({[^}]*}:)x:(.*)$')
  local lists, list = {}, 0
  while true do
    local part = redis.call('LRANGE', runs_key(prefix, id, list), 0, -1)
    if #part == 0 then return lists end
    list = list + 1
    lists[list] = part
  end
end

-- How a flow's row begins when it is the same, and the row. Gives its revision and the row that holds it. The version of all
-- flows rises beyond whatever a server that has forgotten some had given; each flow has that of its latest change.
local function put_flow(keys, args)
  local last = redis.call('LINDEX', keys[1], -1)
  if last and string.sub(last, 1, #args[1]) == args[1] then return {redis.call('LLEN', keys[1]), last} end
  local version = whole(math.max(tonumber(redis.call('GET', keys[3]) or '0') + 1, now_ms()))
  redis.call('SET', keys[3], version)
  redis.call('SADD', keys[2], args[3])
  redis.call('ZADD', keys[4], version, args[3])
  return {redis.call('RPUSH', keys[1], args[2]), args[2]}
end

-- Logs: a list an execution: the tally, then chunks that begin with the offset of their first line.
local function offset_of(chunk) return (struct.unpack('<I4', chunk)) end

-- rows before, new tally, chunk. Gives the tally that holds: the new one, unless others wrote meanwhile.
local function append_log(keys, args)
  local tally = redis.call('LINDEX', keys[1], 0)
  if tally == args[2] then return tally end
  if (tally and string.match(tally, '^%d+') or '0') ~= args[1] then return tally or '' end
  if tally then redis.call('LSET', keys[1], 0, args[2]) else redis.call('RPUSH', keys[1], args[2]) end
  redis.call('RPUSH', keys[1], args[3])
  return args[2]
end

-- The last chunk that begins at or before the offset, or the first.
local function chunk_place(key, offset)
  local low, high = 1, redis.call('LLEN', key) - 1
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if offset_of(redis.call('LINDEX', key, middle)) <= offset then low = middle else high = middle - 1 end
  end
  return low
end

-- offset wanted, bytes at most; but two chunks at least, for the first may end before the offset
local function read_log(keys, args)
  local place, bytes, chunks = chunk_place(keys[1], tonumber(args[1])), 0, {}
  while bytes < tonumber(args[2]) or #chunks < 2 do
    local chunk = redis.call('LINDEX', keys[1], place)
    if not chunk then break end
    chunks[#chunks + 1] = chunk
    bytes, place = bytes + #chunk, place + 1
  end
  return chunks
end

-- a chunk as it was read, and what is to stand there now ('': nothing)
local function swap_log(keys, args)
  local place = chunk_place(keys[1], offset_of(args[1]))
  if redis.call('LINDEX', keys[1], place) ~= args[1] then return 0 end
  redis.call('LSET', keys[1], place, args[2])
  if args[2] == '' then redis.call('LREM', keys[1], 1, '') end
  return 1
end

local function register(name, callback, flags)
  redis.register_function{function_name = 'headrace_' .. name .. '___VERSION__', callback = callback, flags = flags}
end

-- What runs is written also when memory is full: new work is kept out before that.
register('commit', commit, {'allow-oom'})
register('acquire', acquire, {'allow-oom'})
register('renew', renew, {'allow-oom'})
register('release', release, {'allow-oom'})
register('holder', holder, {'no-writes'})
register('announce', announce, {'allow-oom'})
register('leave', leave, {'allow-oom'})
register('members', members, {'allow-oom'})
register('read', read_runs, {'no-writes'})
register('put_flow', put_flow, {})
register('append_log', append_log, {})
register('read_log', read_log, {'no-writes'})
register('swap_log', swap_log, {'allow-oom'})
