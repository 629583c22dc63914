-- check_live: asks CloudWatch, by ListMetrics alone, whether it has the metrics of `check --live`.
--
-- `input` stands before this text: { { index, region, account, namespace, name, dimensions }, ... },
-- each metric once. Prints one JSON object a line:
--   { index, state = "found" | "dimensions" | "name" | "namespace" | "unknown", near = { text, ... },
--     differs = dimension }
--   { index, state = "failed", code, message }  of the first metric of a region and account; the
--                                               others there are not asked
-- `near` are candidates: values of the dimension that differs, sets of dimension names, metric names
-- or namespaces. Each list is asked once and read up to MAX_PAGES pages of 500; where it is cut, what
-- was not seen is unknown.

local MAX_PAGES, MAX_NEAR, AT_ONCE = 40, 2000, 8

local function say(answer) print(json.encode(answer)) end

-- ---- lists, each asked once ----

local places, lists = {}, {}

local function place_of(item)
  local key = (item.account or "") .. "\0" .. (item.region or "")
  local place = places[key]
  if not place then
    place = { key = key }
    places[key] = place
    place.client = aws.client("cloudwatch", { region = item.region, account = item.account })
  end
  return place
end

local function read(place, params)
  local found, pages = {}, 0
  for page in place.client:pages("list_metrics", params) do
    for _, metric in ipairs(page.Metrics or {}) do
      if not params.Namespace or metric.Namespace == params.Namespace then found[#found + 1] = metric end
    end
    pages = pages + 1
    if pages == MAX_PAGES then return { metrics = found, cut = true } end
  end
  return { metrics = found, cut = false }
end

local ASKING = {}

-- Who comes while a list is being read waits for it.
local function list(place, namespace, name)
  local key = place.key .. "\0" .. (namespace or "") .. "\0" .. (name or "")
  while lists[key] == ASKING do async.sleep(0.01) end
  if not lists[key] then
    lists[key] = ASKING
    local ok, got = pcall(read, place, { Namespace = namespace, MetricName = name })
    lists[key] = ok and got or nil
    if not ok then error(got, 0) end
  end
  return lists[key]
end

local function names_of(metrics, field)
  local seen, names = {}, {}
  for _, metric in ipairs(metrics) do
    local name = metric[field]
    if name and not seen[name] and #names < MAX_NEAR then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

-- ---- dimensions ----

local function dimensions_of(metric)
  local set = {}
  for _, dimension in ipairs(metric.Dimensions or {}) do set[dimension.Name] = dimension.Value end
  return set
end

-- How many values differ, and of which dimension the last one is; nil: other names.
local function difference(wanted, there)
  local count, which = 0, nil
  for name, value in pairs(wanted) do
    if there[name] == nil then return nil end
    if there[name] ~= value then count, which = count + 1, name end
  end
  for name in pairs(there) do
    if wanted[name] == nil then return nil end
  end
  return count, which
end

local function names_text(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return #names > 0 and "{ " .. table.concat(names, ", ") .. " }" or "none"
end

-- The nearest sets: values of the one dimension that differs, else the sets of names there are.
local function compare(item, metrics)
  local values, sets, seen, differs = {}, {}, {}, nil
  for _, metric in ipairs(metrics) do
    local there = dimensions_of(metric)
    local count, which = difference(item.dimensions or {}, there)
    if count == 0 then return { state = "found" } end
    local text = count == 1 and there[which] or names_text(there)
    local into = count == 1 and values or sets
    if count == 1 then differs = which end
    if not seen[text] and #into < MAX_NEAR then
      seen[text] = true
      into[#into + 1] = text
    end
  end
  table.sort(values)
  table.sort(sets)
  if differs then return { state = "dimensions", differs = differs, near = values } end
  return { state = "dimensions", near = sets }
end

-- ---- one metric ----

local function look(place, item)
  local named = list(place, item.namespace, item.name)
  if #named.metrics > 0 then
    local answer = compare(item, named.metrics)
    if named.cut and answer.state ~= "found" then answer = { state = "unknown" } end
    return answer
  end
  local all = list(place, item.namespace)
  if #all.metrics > 0 then return { state = "name", near = names_of(all.metrics, "MetricName") } end
  return { state = "namespace", near = names_of(list(place).metrics, "Namespace") }
end

local function ask(item)
  local opened, place = pcall(place_of, item)
  if opened and place.failed then return end
  local ok, answer = opened, place
  if opened then ok, answer = pcall(look, place, item) end
  if not ok then
    if opened then
      if place.failed then return end
      place.failed = true
    end
    answer = {
      state = "failed",
      code = type(answer) == "table" and answer.code or nil,
      message = type(answer) == "table" and answer.message or tostring(answer),
    }
  end
  answer.index = item.index
  say(answer)
end

local metrics = input ---@diagnostic disable-line: undefined-global
for first = 1, #metrics, AT_ONCE do
  local calls = {}
  for i = first, math.min(first + AT_ONCE - 1, #metrics) do
    calls[#calls + 1] = function() ask(metrics[i]) end
  end
  async.all(calls)
end
