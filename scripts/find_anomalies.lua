-- Finds what is out of the ordinary in a series, prints it as a table, and draws the series with what was expected.
--
-- usage: moontide script find_anomalies.lua FILE.csv [options]
--        moontide script find_anomalies.lua --metric NAMESPACE/NAME/DIMENSION=VALUE[/DIMENSION=VALUE...] [options]
--
-- FILE.csv has rows of time,value with a heading or without: times in ISO 8601 (UTC unless they say otherwise) or in
-- seconds or milliseconds since the epoch; it may be packed with gzip. Lines that are not that are counted, and
-- named. "-" is standard input.
--
--   --metric METRIC     of CloudWatch, for example AWS/ECS/CPUUtilization/ClusterName=prod/ServiceName=api
--   --stat STAT         of the metric: Average (default), Sum, p99, ...
--   --period DURATION   of the metric: 5m (default)
--   --last DURATION     how far back to look: 14d (default) of a metric, everything of a file
--   --region REGION     of the metric
--   --likelihood L      an anomaly begins at this likelihood, 0 to 1: 0.1 (default) finds most of what people would
--                       mark and a few things more, 0.5 what is rarer than anything before it
--   --threshold SCORE   or at this score of a single datapoint, 0 to 1; 0.5 where a series is too short for a likelihood
--   --unit UNIT         how values are written: s, ms, bytes, percent, count, ...
--   --svg FILE          writes the picture as SVG as well
--   --format FORMAT     text (default) or json
--
-- Exit: 0, whether or not there are anomalies; 1 when the series could not be had.

local arguments = require "lib.arguments"
local columns = require "lib.columns"

local options = arguments {
  operands = 1, metric = "text", stat = "text", period = "duration", last = "duration", region = "text",
  threshold = "number", likelihood = "number", unit = "text", svg = "text", format = { "text", "json" },
}

local BROKEN_NAMED_MAX = 5
local NEAR_DATAPOINTS = 3 -- anomalies with fewer ordinary datapoints between them are one
local LIKELY, UNUSUAL = 0.1, 0.5 -- a likelihood, a score
local SHORT_DATAPOINTS = 240 -- of which the first 120 have no likelihood

local function fail(text)
  io.stderr:write("find_anomalies: ", text, "\n")
  os.exit(1)
end

-- ---- a file ----

local function time_of(text)
  local number = tonumber(text)
  if number then return number > 1e11 and number / 1000 or number end
  local iso = text:gsub("^(%d+-%d+-%d+) ", "%1T")
  return time.parse(iso) or time.parse(iso .. "Z")
end

-- Time and value of a line; a value of nothing is a gap. nil and why when it is neither.
local function row_of(line)
  local when, value = line:match('^%s*"?([^,"]*)"?%s*,%s*"?([^,"]*)"?')
  if not when then return nil, "it has no two columns" end
  local at = time_of(when)
  if not at then return nil, "'" .. when .. "' is no time" end
  local number = tonumber(value)
  if not number and value:find("%S") and value:lower() ~= "nan" then return nil, "'" .. value .. "' is no number" end
  return at, number or (0 / 0)
end

local function quote(path) return "'" .. path:gsub("'", "'\\''") .. "'" end

-- gzip itself unpacks what is packed: it knows of a file that ends early, and says so by its exit.
local function open(path)
  if path == "-" then return io.stdin end
  local file, problem = io.open(path, "rb")
  if not file then
    fail(problem)
    error(problem) -- for those who do not know that fail() does not return
  end
  local magic = file:read(2)
  file:seek("set")
  if magic ~= "\x1f\x8b" then return file end
  file:close()
  return assert(io.popen("exec gzip -dc < " .. quote(path), "r"))
end

local function read_file(path)
  local file, series, broken, number = open(path), { values = {}, times = {}, broken = {} }, {}, 0
  for line in file:lines() do
    number = number + 1
    local at, value = row_of(line:gsub("\r$", ""))
    local before = series.times[#series.times]
    if at and before and at < before then at, value = nil, "its time goes back" end
    if at then
      series.times[#series.times + 1], series.values[#series.values + 1] = at, value
    elseif line:find("%S") and not (number == 1 and not line:match("^[^,]*%d")) then
      broken[#broken + 1] = ("line %d: %s"):format(number, value)
    end
  end
  if not file:close() then fail(path .. ": it ends early, or is damaged; what was read of it is not used") end
  series.name, series.broken = path:match("[^/]*$"), broken
  return series
end

local function keep_last(series, seconds)
  local values, times = {}, {}
  local from = (series.times[#series.times] or 0) - seconds
  for i, at in ipairs(series.times) do
    if at > from then values[#values + 1], times[#times + 1] = series.values[i], at end
  end
  series.values, series.times = values, times
end

-- ---- a metric ----

-- AWS/ECS/CPUUtilization/ClusterName=prod/ServiceName=api: dimensions begin where the first "=" is, and a value
-- may hold slashes.
local function metric_of(text)
  local head, rest = text:match("^(.-)/([%w_.:-]+=.*)$")
  head = head or text
  local namespace, name = head:match("^(.+)/([^/]+)$")
  if not namespace then arguments.refuse("--metric is NAMESPACE/NAME/DIMENSION=VALUE, not " .. text) end
  local dimensions = {}
  while rest do
    local key, value = rest:match("^([^=]+)=(.*)$")
    local cut, following = value:match("^(.-)/([%w_.:-]+=.*)$")
    dimensions[key], rest = cut or value, following
  end
  return namespace, name, dimensions
end

local function read_metric(text)
  local namespace, name, dimensions = metric_of(text)
  local period = options.period or 300
  local got = cloudwatch.fetch({
    it = cloudwatch { namespace = namespace, name = name, dimensions = dimensions, stat = options.stat or "Average",
                      period = period, region = options.region },
  }, { start_time = time.now() - (options.last or (14 * 86400)), end_time = time.now() }).it
  if #got.values == 0 then fail(text .. ": " .. (got.reason or "no datapoints")) end
  return { values = got.values, times = got.times, name = namespace .. " " .. name, broken = {}, reason = got.reason }
end

-- ---- what is found ----

local function judge(series)
  return stats.anomalies(series.values, series.times)
end

-- How far beyond the band a value is, in widths of the band; what is inside is below zero.
local function beyond(series, answer, i)
  local v, low, high = series.values[i], answer.lower[i], answer.upper[i]
  if v ~= v or not low or not high or low ~= low or high ~= high then return 0 end
  return math.max(low - v, v - high) / math.max(high - low, 1e-300)
end

-- An anomaly begins where the likelihood or the score says so, and goes on while the score is unusual.
local function group(series, answer)
  local found, marks, last = {}, {}, nil
  local likely = options.likelihood or LIKELY
  local unusual = options.threshold or (#series.values < SHORT_DATAPOINTS and UNUSUAL or math.huge)
  for i = 1, #series.values do
    local score, likelihood = answer.score[i], answer.likelihood[i] -- NaN, not known, is never >= anything
    local near = last and i - last <= NEAR_DATAPOINTS
    local counts = likelihood >= likely or score >= unusual or near and score >= UNUSUAL
    if counts and series.values[i] == series.values[i] then
      if not near then found[#found + 1] = { from = i, worst = i, score = 0, likelihood = 0 } end
      local one = found[#found]
      one["until"], last = i, i
      if score > one.score then one.score = score end
      if likelihood > one.likelihood then one.likelihood = likelihood end
      if beyond(series, answer, i) > beyond(series, answer, one.worst) then one.worst = i end
      marks[#marks + 1] = i
    end
  end
  for _, one in ipairs(found) do
    local worst = one.worst
    one.value, one.expected = series.values[worst], answer.expected[worst]
    one.from, one["until"] = series.times[one.from], series.times[one["until"]]
  end
  return found, marks
end

-- ---- how it is said ----

local function number(v) return v and v == v and plot.label(v, options.unit) or "-" end

local function print_table(found)
  local rows = {}
  for i, one in ipairs(found) do
    rows[i] = { time.format(one.from, "%Y-%m-%d %H:%M:%S"), time.format(one["until"], "%Y-%m-%d %H:%M:%S"),
                number(one.value), number(one.expected),
                ("%.3f"):format(one.score),
                { ("%.3f"):format(one.likelihood), one.likelihood >= 0.5 and "red" or "yellow" } }
  end
  columns.print({ "from (UTC)", "until", "worst>", "expected>", "score>", "likelihood>" }, rows)
end

local function say_broken(series)
  if #series.broken == 0 then return end
  local s = #series.broken == 1 and "" or "s"
  io.stderr:write(("%s: %d line%s could not be read:\n"):format(series.name, #series.broken, s))
  for i = 1, math.min(#series.broken, BROKEN_NAMED_MAX) do io.stderr:write("  ", series.broken[i], "\n") end
  if #series.broken > BROKEN_NAMED_MAX then
    io.stderr:write(("  and %d more\n"):format(#series.broken - BROKEN_NAMED_MAX))
  end
end

local function without_nan(v) return v and v == v and v or nil end

local function print_json(series, found)
  for _, one in ipairs(found) do
    one.worst, one.value, one.expected = nil, without_nan(one.value), without_nan(one.expected)
    one.from, one["until"] = time.iso(one.from), time.iso(one["until"])
  end
  print(json.encode { series = series.name, datapoints = #series.values, broken = #series.broken,
                      anomalies = json.array(found) })
end

local function main()
  if (options[1] == nil) == (options.metric == nil) then arguments.refuse("a file, or --metric, is expected") end
  local series = options.metric and read_metric(options.metric) or read_file(options[1])
  say_broken(series)
  if options.last and not options.metric then keep_last(series, options.last) end
  if #series.values == 0 then fail(series.name .. ": no datapoints") end
  local answer = judge(series)
  local found, marks = group(series, answer)
  local picture = { title = series.name, unit = options.unit, band = answer, marks = marks, times = series.times }
  if options.svg then plot.svg(options.svg, series.values, picture) end
  if options.format == "json" then return print_json(series, found) end
  plot(series.values, picture)
  print()
  print(("%d datapoints, %d anomal%s"):format(#series.values, #found, #found == 1 and "y" or "ies"))
  if series.reason then print("not all of it could be had: " .. series.reason) end
  if #found > 0 then print_table(found) end
end

main()
