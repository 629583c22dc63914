-- kinds: what stands between the host and the decision kinds (kind_*.lua, and an operator's own in
-- policies/lib). Gives the globals that kinds use, and answers the functions that the host calls:
-- read, compare, check, apply, simulate.
--
-- A failure of AWS is an answer ({ kind, text }), so that its code is not lost; an error in a kind's
-- own code goes on as it is, with its file and line.

local core = ... -- answer(i, kind, current, problem), decode(text)
local aws, async = aws, async
local error, ipairs, next, pcall, setmetatable, tostring, type =
  error, ipairs, next, pcall, setmetatable, tostring, type

local CONCURRENT = 4 -- batches of one read at once, and calls of one client
local CLIENTS_MAX = 200

-- ---- clients ----

local clients, client_count = {}, 0

local function shared_client(service, region, account, retries)
  local key = service .. "\0" .. (region or "") .. "\0" .. (account or "") .. "\0" .. (retries or "")
  local client = clients[key]
  if client then return client end
  if client_count == CLIENTS_MAX then clients, client_count = {}, 0 end
  client = aws.client(service, { region = region, account = account, retries = retries,
                                 max_concurrency = CONCURRENT })
  clients[key], client_count = client, client_count + 1
  return client
end

-- Where a decision is carried out: at:client("ecs") is a client of its region and account.
local place_methods = {}
local place_type = { __index = place_methods }

function place_methods:client(service, options)
  return shared_client(service, self.region, self.account, options and options.retries)
end

local function place(region, account, resource)
  return setmetatable({ region = region, account = account, resource = resource }, place_type)
end

-- ---- failures ----

local function said_by_aws(failure) return type(failure) == "table" and type(failure.kind) == "string" end

local function failure_of(failure, resource)
  if not said_by_aws(failure) then return { kind = "Lua", text = tostring(failure) } end
  local text = tostring(failure)
  if failure.kind == "Denied" and failure.action then
    text = "access denied: " .. failure.action .. " on " .. resource .. " (" .. text .. ")"
  end
  return { kind = failure.kind, text = text }
end

local function finish(resource, ok, ...)
  if ok then return nil, ... end
  local failure = ...
  if not said_by_aws(failure) then error(failure, 0) end
  return failure_of(failure, resource)
end

-- nil and what f returns; or the failure of AWS.
local function attempt(resource, f, ...) return finish(resource, pcall(f, ...)) end

-- ---- what kinds use ----

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in next, a do
    if not same(value, b[key]) then return false end
  end
  for key in next, b do
    if a[key] == nil then return false end
  end
  return true
end
_G.same = same

-- Calls f with lists of at most `size` items that answer the same to `key` (may be nil), several at
-- once. What it throws is the failure of these items alone. Items that have `missing` or `failed`
-- are left out.
function _G.each_batch(list, size, key, f)
  local batches, open = {}, {}
  for _, item in ipairs(list) do
    if not item.missing and not item.failed then
      local name = key and key(item) or ""
      local batch = open[name]
      if not batch or #batch == size then
        batch = {}
        open[name] = batch
        batches[#batches + 1] = batch
      end
      batch[#batch + 1] = item
    end
  end
  local nth = 0
  local function work()
    while nth < #batches do
      nth = nth + 1
      local batch = batches[nth]
      local ok, failure = pcall(f, batch)
      if not ok then
        for _, item in ipairs(batch) do item.failed = failure end
      end
    end
    return true
  end
  local workers = {}
  for i = 1, #batches < CONCURRENT and #batches or CONCURRENT do workers[i] = work end
  if #workers == 1 then
    work()
  elseif #workers > 1 then
    async.all(workers)
  end
end

-- ---- what the host calls ----

local function finish_item(item)
  if item.failed then
    local failure = failure_of(item.failed, item.resource)
    for _, i in ipairs(item.subjects) do core.answer(i, failure.kind, nil, failure.text) end
  else
    local problem = item.missing or item.current == nil and item.resource .. " does not exist" or nil
    for _, i in ipairs(item.subjects) do
      core.answer(i, nil, not problem and item.current or nil, problem)
    end
  end
end

local function read_group(group)
  local ok, failure = pcall(group.kind.read, group.items, group.place)
  for _, item in ipairs(group.items) do
    if not ok and item.current == nil and not item.missing then item.failed = failure end
    finish_item(item)
  end
  return true
end

local host = {}

-- subjects: a list of { index, kind, resource, wanted (its JSON), region, account }
function host.read(subjects)
  local groups, found = {}, {}
  for _, subject in ipairs(subjects) do
    local name = subject.kind.name .. "\0" .. (subject.region or "") .. "\0" .. (subject.account or "")
    local group = found[name]
    if not group then
      group = { kind = subject.kind, items = {}, known = {}, place = place(subject.region, subject.account) }
      found[name] = group
      groups[#groups + 1] = group
    end
    -- cache_parameters of one group may name different parameters: only equal wishes are one read
    local key = subject.resource .. "\0" .. subject.wanted
    local item = group.known[key]
    if not item then
      item = { resource = subject.resource, wanted = core.decode(subject.wanted), subjects = {} }
      group.known[key] = item
      group.items[#group.items + 1] = item
    end
    item.subjects[#item.subjects + 1] = subject.index
  end
  local readers = {}
  for i, group in ipairs(groups) do
    readers[i] = function() return read_group(group) end
  end
  if #readers == 1 then return readers[1]() end
  if #readers > 1 then async.all(readers) end
end

local function fields_that_differ(kind, wanted, current)
  local changes = {}
  for _, field in ipairs(kind.fields) do
    local to = wanted[field.name]
    if to ~= nil and not field.names and field.compare ~= false and not same(to, current[field.name]) then
      changes[#changes + 1] = { field = field.name, from = current[field.name], to = to }
    end
  end
  return changes
end

local function diff(kind, wanted, current)
  if kind.diff then return kind.diff(wanted, current) end
  return fields_that_differ(kind, wanted, current)
end

-- Answers the list of changes, or nil when nothing differs.
function host.compare(kind, wanted, current)
  local changes = diff(kind, wanted, current or {})
  if type(changes) ~= "table" then
    error("kind " .. kind.name .. ": diff must return a list of changes, not a " .. type(changes), 0)
  end
  if #changes == 0 then return nil end
  for i, change in ipairs(changes) do
    if type(change) ~= "table" or type(change.field) ~= "string" then
      error("kind " .. kind.name .. ": change " .. i .. " of diff has no field", 0)
    end
    if change.from == nil then change.from = json.null end
    if change.to == nil then change.to = json.null end
  end
  return changes
end

local function without_null(changes)
  for _, change in ipairs(changes) do
    if change.from == json.null then change.from = nil end
    if change.to == json.null then change.to = nil end
  end
  return changes
end

local function text_or_nil(kind, answer, name)
  local text = answer[name]
  if text ~= nil and type(text) ~= "string" then
    error("kind " .. kind.name .. ": " .. name .. " of check must be a text, not a " .. type(text), 0)
  end
  return text
end

-- Answers infeasible, busy and notes (JSON), each a text or nil; then a failure's kind and text.
function host.check(kind, wanted, current, changes, region, account, resource)
  if not kind.check then return nil, nil, nil, nil, nil end
  local failure, answer = attempt(resource, kind.check, wanted, current, without_null(changes),
                                  place(region, account, resource))
  if failure then return nil, nil, nil, failure.kind, failure.text end
  answer = answer or {}
  if type(answer) ~= "table" then
    error("kind " .. kind.name .. ": check must return a table, not a " .. type(answer), 0)
  end
  local notes = answer.notes
  if notes ~= nil and type(notes) ~= "table" then
    error("kind " .. kind.name .. ": notes of check must be a list of texts, not a " .. type(notes), 0)
  end
  return text_or_nil(kind, answer, "infeasible"), text_or_nil(kind, answer, "busy"),
    notes and #notes > 0 and json.encode(notes) or nil, nil, nil
end

-- Answers nothing, or a failure's kind and text.
function host.apply(kind, wanted, current, changes, region, account, resource)
  local failure = attempt(resource, kind.apply, wanted, current, without_null(changes),
                          place(region, account, resource))
  if failure then return failure.kind, failure.text end
end

function host.simulate(kind, wanted, current, changes)
  current = current or {}
  without_null(changes)
  if kind.simulate then return kind.simulate(wanted, current, changes) end
  for _, change in ipairs(changes) do current[change.field] = change.to end
  return current
end

return host
