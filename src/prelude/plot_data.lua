-- plot_data: what the arguments of plot mean. Gives one picture:
--
--   { options, series = { { label, x, y, count, times, band, marks } ... } }   y: NaN where there is a gap
--   { options, bins = { { low, high, count, from, to } ... }, facts = { "p50 12 ms" ... } }   of a histogram;
--   from, to: how the edges read
--
-- What data is, is known by what it can do: `values()` (series, vectors), `buckets()` (sketches), a field
-- `values` (an answer of cloudwatch.fetch), or a list of numbers; holes and what is not finite are gaps.

local core, axes = ...

local data = {}
local NAN <const> = 0 / 0
local DATAPOINTS_MAX <const> = 20000000

-- ---- options ----

local OPTIONS = core.options -- name -> Lua type; they are documented in src/bind/plot.c
-- Of a table with `values`: what an answer of cloudwatch.fetch has besides.
local ANSWERED = { values = true, last = true, reason = true, n = true }

local function sorted_keys(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function check_option(name, value)
  local wanted = OPTIONS[name]
  if not wanted then
    local near = type(name) == "string" and core.nearest(name, sorted_keys(OPTIONS))
    error(("unknown option '%s'%s"):format(tostring(name), near and (" (did you mean '%s'?)"):format(near) or ""), 0)
  end
  local is = type(value)
  if is ~= wanted and not (wanted == "table" and is == "userdata") then
    error(("%s must be a %s, not a %s"):format(name, wanted, is), 0)
  end
  if is == "number" and (value ~= value or value - value ~= 0) then error(name .. " is not finite", 0) end
end

local function take_options(to, from)
  for name, value in pairs(from) do
    if not ANSWERED[name] and not (type(name) == "number" and to.is_list) then
      check_option(name, value)
      to.options[name] = value
    end
  end
end

-- ---- what an argument is ----

-- A field of a userdata, which may refuse unknown names.
local function method(value, name)
  if type(value) ~= "userdata" then return nil end
  local ok, found = pcall(function() return value[name] end)
  return ok and type(found) == "function" and found or nil
end

local function is_series(value)
  return type(value) == "table" and value.values ~= nil or method(value, "values") ~= nil or
    method(value, "buckets") ~= nil
end

-- A table whose values are all series: an answer of cloudwatch.fetch.
local function is_set(value)
  if type(value) ~= "table" or next(value) == nil then return false end
  for name, each in pairs(value) do
    if type(name) ~= "string" or not is_series(each) then return false end
  end
  return true
end

local function is_options(value)
  return type(value) == "table" and next(value) ~= nil and value.values == nil and value[1] == nil and
    type(next(value)) == "string" and not is_set(value)
end

-- ---- lists of numbers ----

local function list_of(value, what)
  if type(value) == "userdata" then
    local values = method(value, "values")
    if not values then error(what .. " is no list of numbers", 0) end
    return values(value)
  end
  if type(value) ~= "table" then error(("%s must be a list of numbers, not a %s"):format(what, type(value)), 0) end
  return value
end

local function highest_index(list)
  local count = #list
  for i in next, list do
    if math.type(i) == "integer" and i > count then count = i end
  end
  if count > DATAPOINTS_MAX then error(("a list with %d places is more than %d"):format(count, DATAPOINTS_MAX), 0) end
  return count
end

local function finite(v) return v == v and v - v == 0 end

-- As many numbers; NaN where there is none.
local function numbers(list, count, what)
  local out = {}
  for i = 1, count do
    local v = list[i]
    if type(v) == "number" then
      out[i] = finite(v) and v or NAN
    elseif v == nil or type(v) == "userdata" or type(v) == "boolean" then
      out[i] = NAN -- json.null, too
    else
      error(("%s: value %d is a %s"):format(what, i, type(v)), 0)
    end
  end
  return out
end

local function times_of(given, count)
  local times = list_of(given, "times")
  for i = 1, count do
    if type(times[i]) ~= "number" or not finite(times[i]) then
      error(("times: there is none for value %d"):format(i), 0)
    end
    if i > 1 and times[i] < times[i - 1] then error(("times: the one of value %d goes back"):format(i), 0) end
  end
  return times
end

-- ---- what lies behind and upon a line ----

local function band_of(band, count)
  if not band then return nil end
  local out = {}
  for _, name in ipairs { "expected", "lower", "upper" } do
    if band[name] ~= nil then out[name] = numbers(list_of(band[name], "band." .. name), count, "band." .. name) end
  end
  if not out.lower or not out.upper then error("band needs `lower` and `upper`", 0) end
  return out
end

-- Each mark is the number of a datapoint, or { time, value }.
local function marks_of(marks, line)
  local out = {}
  for i, mark in ipairs(marks or {}) do
    if type(mark) == "table" then
      if type(mark[1]) ~= "number" or type(mark[2]) ~= "number" then
        error(("marks: mark %d is no { time, value }"):format(i), 0)
      end
      out[#out + 1] = { mark[1], mark[2] }
    else
      local x, y = line.x[mark], line.y[mark]
      if not x then error(("marks: there is no datapoint %s"):format(tostring(mark)), 0) end
      if y == y then out[#out + 1] = { x, y } end
    end
  end
  return out
end

local function add_series(picture, value, label)
  local spec = type(value) == "table" and value.values ~= nil and value or { values = value }
  local given, times = list_of(spec.values, "what is drawn")
  if type(spec.values) == "userdata" then
    given, times = method(spec.values, "values")(spec.values)
    if type(times) ~= "table" then times = nil end
  end
  times = spec.times or times or picture.options.times
  local count = highest_index(given)
  local line = { label = spec.label or label, count = count, times = times ~= nil }
  line.y = numbers(given, count, "what is drawn")
  if times then
    line.x = times_of(times, count)
  else
    line.x = {}
    for i = 1, count do line.x[i] = i end
  end
  local first = #picture.series == 0
  line.band = band_of(spec.band or first and picture.options.band or nil, count)
  line.marks = marks_of(spec.marks or first and picture.options.marks or nil, line)
  for _, other in ipairs(picture.series) do
    if other.count > 0 and count > 0 and other.times ~= line.times then
      error("some series have times and others none", 0)
    end
  end
  picture.series[#picture.series + 1] = line
end

local function add_all(picture, value, label)
  if is_set(value) then
    for _, name in ipairs(sorted_keys(value)) do add_series(picture, value[name], name) end
  elseif type(value) == "table" and value.values == nil and (type(value[1]) == "table" or is_series(value[1])) then
    for _, each in ipairs(value) do add_all(picture, each) end
  else
    add_series(picture, value, label)
  end
end

-- ---- lines ----

-- Splits the arguments into data and options; a table with `values` that stands alone brings its own.
local function split(picture, arguments, count)
  if count > 0 and is_options(arguments[count]) then
    take_options(picture, arguments[count])
    count = count - 1
  end
  if count == 0 then error("a list of numbers, a series, a vector or a sketch was expected", 0) end
  for i = 1, count do
    local value = arguments[i]
    if is_options(value) then error("options come last", 0) end
    if type(value) == "table" and value.values ~= nil then
      take_options({ options = count == 1 and picture.options or {} }, value)
    elseif type(value) == "table" and type(value[1]) ~= "number" and not is_set(value) then
      picture.is_list = true
      take_options(picture, value) -- plot.lines { a, b, title = "..." }
    end
  end
  return count
end

function data.lines(arguments, count)
  local picture = { options = {}, series = {} }
  count = split(picture, arguments, count)
  for i = 1, count do add_all(picture, arguments[i]) end
  for i, line in ipairs(picture.series) do
    line.label = picture.options.labels and picture.options.labels[i] or line.label
  end
  return picture
end

-- ---- histograms ----

-- Ticks { value, label } that the bins lie between.
local function edges(o, low, high, count)
  local list = {}
  if not o.log then return axes.values({ unit = o.unit }, low, high, count).ticks end
  for i, v in ipairs(axes.logarithmic_values(low, high > low and high or low * 2, o.unit, count)) do
    list[i] = { v, axes.label(v, o.unit, true) }
  end
  return list
end

-- items: { value, count } ...; the edges are lower inclusive, the last one both. A logarithmic scale has a
-- bin of its own for what is not above zero.
local function fill(picture, items, low, high)
  local o = picture.options
  local list = edges(o, low, high, math.floor(o.bins or 16))
  local bins, below = {}, 0
  for i = 1, #list - 1 do
    bins[i] = { low = list[i][1], high = list[i + 1][1], count = 0, from = list[i][2], to = list[i + 1][2] }
  end
  for _, item in ipairs(items) do
    local v = item[1]
    if o.log and v <= 0 then
      below = below + item[2]
    else
      local from, to = 1, #bins
      while from < to do
        local middle = (from + to) // 2
        if v < bins[middle].high then to = middle else from = middle + 1 end
      end
      bins[from].count = bins[from].count + item[2]
    end
  end
  if below > 0 then table.insert(bins, 1, { high = 0, count = below, from = "<= 0", to = "0" }) end
  picture.bins = bins
end

local function facts_of(o, count, quantile, high)
  local function say(name, v) return v and name .. " " .. axes.label(v, o.unit) end
  local facts = { ("count %d"):format(count) }
  for _, p in ipairs { 50, 90, 99 } do facts[#facts + 1] = say("p" .. p, quantile(p / 100)) end
  facts[#facts + 1] = say("max", high)
  return facts
end

local function of_values(picture, value)
  local given = list_of(type(value) == "table" and value.values or value, "what is counted")
  if type(given) == "userdata" then given = list_of(given, "what is counted") end
  local all, items, low, high = numbers(given, highest_index(given), "what is counted"), {}, nil, nil
  local kept = {}
  for _, v in ipairs(all) do
    if v == v then
      items[#items + 1], kept[#kept + 1] = { v, 1 }, v
      high = math.max(high or v, v)
      if v > 0 or not picture.options.log then low = math.min(low or v, v) end
    end
  end
  if not high then return end -- nothing was kept
  table.sort(kept)
  fill(picture, items, low or 1, math.max(high, low or 1))
  picture.facts = facts_of(picture.options, #kept, function(q) -- the nearest rank; exact ones are in `stats`
    return kept[math.max(1, math.ceil(q * #kept))]
  end, high)
end

-- A bucket counts as what lies at its middle: of a wide range, the geometric one.
local function of_sketch(picture, sketch)
  local items, low, high, count = {}, nil, nil, 0
  for _, bucket in ipairs(method(sketch, "buckets")(sketch)) do
    local from, to, n = bucket.low or bucket[1], bucket.high or bucket[2], bucket.count or bucket[3]
    local middle = from > 0 and math.sqrt(from * to) or to < 0 and -math.sqrt(from * to) or (from + to) / 2
    if n > 0 then
      items[#items + 1] = { middle, n }
      count, high = count + n, math.max(high or to, to)
      if from > 0 or not picture.options.log then low = math.min(low or from, from) end
    end
  end
  if not high then return end -- nothing was counted
  if picture.options.log == nil and low > 0 and high / low > 100 then picture.options.log = true end
  fill(picture, items, low or 1, math.max(high, low or 1))
  if method(sketch, "max") then high = sketch:max() end
  picture.facts = facts_of(picture.options, count, function(q) return sketch:quantile(q) end, high)
end

function data.is_sketch(value) return method(value, "buckets") ~= nil end

function data.histogram(arguments, count)
  local picture = { options = {}, bins = {} }
  count = split(picture, arguments, count)
  if count ~= 1 then error("a histogram is of one list, series, vector or sketch", 0) end
  local bins = picture.options.bins
  if bins and (bins < 1 or bins > 200) then error("bins is 1 to 200", 0) end
  if data.is_sketch(arguments[1]) then
    of_sketch(picture, arguments[1])
  else
    of_values(picture, arguments[1])
  end
  return picture
end

return data
