-- What the policies' CloudWatch queries cost a month, by policy, and what a longer `every` would save.
--
-- usage: moontide script cost_of_metrics.lua [--dir DIR] [--format text|json]
--
-- Reads what `moontide check --format json` says of the project in DIR (default: the present directory); nothing is
-- asked of AWS. GetMetricData is priced by metrics requested ($0.01 per 1,000, or the configuration's
-- cost.per_1000_metrics): up to five statistics of one metric in one call count once, metric math as the metrics in
-- it. A question that several policies ask is asked once: so the total may be less than the sum. A month has 30
-- days. Policies that find their targets by asking AWS are named; they cannot be priced offline.
--
-- Exit: 0; 1 when the policies have faults.

local arguments = require "lib.arguments"
local columns = require "lib.columns"

local options = arguments { dir = "text", format = { "text", "json" } }

local MONTH_S = 30 * 86400
local STATISTICS_PER_PRICE = 5 -- source: Amazon CloudWatch pricing, GetMetricData
local QUERIES_PER_CALL = 500 -- source: Amazon CloudWatch API, GetMetricData
local LONGER_EVERY = { 60, 300, 900, 1800, 3600 }

local function fail(text)
  io.stderr:write("cost_of_metrics: ", text, "\n")
  os.exit(1)
end

-- The program that runs this script.
local function program()
  local file = assert(io.open("/proc/self/stat"))
  local pid = file:read("n")
  file:close()
  return ("/proc/%d/exe"):format(pid)
end

local function declarations()
  local dir = (options.dir or "."):gsub("'", "'\\''")
  local pipe = assert(io.popen(("%s check --format json --dir '%s'"):format(program(), dir)))
  local text = pipe:read("a")
  pipe:close()
  if not text:find("^{") then fail("`moontide check` did not answer") end
  local found = json.decode(text)
  if found.ok then return found end
  for _, fault in ipairs(found.faults) do
    local where = fault.file ~= "" and ("%s:%d: "):format(fault.file, fault.line) or ""
    if not fault.warning then io.stderr:write(where, fault.message, "\n") end
  end
  fail "the policies have faults"
end

-- ---- questions ----

local function dimensions_text(metric)
  local parts = {}
  for name, value in pairs(metric.dimensions) do parts[#parts + 1] = name .. "=" .. value end
  table.sort(parts)
  return table.concat(parts, "\0")
end

local function place_of(metric)
  return table.concat({ metric.region or "", metric.account or "", tostring(metric.period_s) }, "\1")
end

-- What is billed as one, but for its statistics; metric math is a question of its own.
local function metric_of(metric)
  local parts = { place_of(metric), metric.namespace or "", metric.name or "", metric.unit or "",
                  dimensions_text(metric), metric.expression or "" }
  for _, input in ipairs(metric.using or {}) do
    parts[#parts + 1] = input.key .. metric_of(input) .. (input.stat or "")
  end
  return table.concat(parts, "\1")
end

-- Metrics that are billed for it, and queries of a call that it takes.
local function weight_of(metric)
  if not metric.expression then return 1, 1 end
  local price, queries = 0, 1
  for _, input in ipairs(metric.using) do
    local p, q = weight_of(input)
    price, queries = price + p, queries + q
  end
  return math.max(price, 1), queries
end

-- The distinct questions, each at the shortest interval that it is asked at: a datapoint is asked for once, so not
-- more often than its period.
local function questions_of(policies, every)
  local known, list = {}, {}
  for _, policy in ipairs(policies) do
    for _, metric in ipairs(policy.metrics) do
      local group = metric_of(metric)
      local name = group .. "\2" .. (metric.stat or "")
      local interval = math.max(metric.period_s, every or policy.every_s)
      if not known[name] then
        local price, queries = weight_of(metric)
        known[name] = { group = group, place = place_of(metric), interval = interval, price = price, queries = queries,
                        math = metric.expression ~= nil }
        list[#list + 1] = known[name]
      end
      known[name].interval = math.min(known[name].interval, interval)
    end
  end
  table.sort(list, function(a, b) return a.interval < b.interval end)
  return list
end

-- Metrics billed when everything is due, metrics billed in a month, calls in a month.
local function price_of(policies, every)
  local asked, queries, places = {}, {}, {}
  local at_once, month, calls = 0, 0, 0
  for _, question in ipairs(questions_of(policies, every)) do
    local before = asked[question.group] or 0
    asked[question.group] = before + 1
    if question.math or before % STATISTICS_PER_PRICE == 0 then
      at_once = at_once + question.price
      month = month + question.price * MONTH_S / question.interval
    end
    local place = question.place .. "\1" .. question.interval
    if not queries[place] then places[#places + 1] = { place, question.interval } end
    queries[place] = (queries[place] or 0) + question.queries
  end
  for _, place in ipairs(places) do
    calls = calls + math.ceil(queries[place[1]] / QUERIES_PER_CALL) * MONTH_S / place[2]
  end
  return at_once, month, calls
end

-- ---- what is said ----

local function duration(seconds)
  for _, unit in ipairs { { 86400, "d" }, { 3600, "h" }, { 60, "m" } } do
    if seconds % unit[1] == 0 then return ("%d%s"):format(seconds // unit[1], unit[2]) end
  end
  return ("%gs"):format(seconds)
end

local function periods_of(policy)
  local seen, list, out = {}, {}, {}
  for _, metric in ipairs(policy.metrics) do
    if not seen[metric.period_s] then list[#list + 1] = metric.period_s end
    seen[metric.period_s] = true
  end
  table.sort(list)
  for i, seconds in ipairs(list) do out[i] = duration(seconds) end
  return table.concat(out, " ")
end

-- The first longer `every` that saves something: { every, usd, share }.
local function saving_of(policy, month, usd_each)
  for _, every in ipairs(LONGER_EVERY) do
    if every > policy.every_s and month > 0 then
      local _, less = price_of({ policy }, every)
      if less < month * 0.999 then
        return { every = every, usd = (month - less) * usd_each, share = 1 - less / month }
      end
    end
  end
end

local function report_of(found)
  local usd_each = found.usd_per_1000_metrics / 1000
  local report = { policies = {}, usd_per_1000_metrics = found.usd_per_1000_metrics }
  for i, policy in ipairs(found.policies) do
    local at_once, month, calls = price_of({ policy }, nil)
    report.policies[i] = {
      policy = policy.policy, targets = policy.targets, every_s = policy.every_s, periods = periods_of(policy),
      metrics_a_tick = at_once, metrics_a_month = month, calls_a_month = calls, usd_a_month = month * usd_each,
      saving = saving_of(policy, month, usd_each), unknown = policy.discover_s ~= nil and policy.targets == 0,
    }
  end
  table.sort(report.policies, function(a, b)
    if a.usd_a_month ~= b.usd_a_month then return a.usd_a_month > b.usd_a_month end
    return a.policy < b.policy
  end)
  local at_once, month, calls = price_of(found.policies, nil)
  report.total = { metrics_a_tick = at_once, metrics_a_month = month, calls_a_month = calls,
                   usd_a_month = month * usd_each }
  return report
end

local function saving_text(saving)
  if not saving then return { "-", "grey" } end
  local text = "every = %s saves $%.2f (%.0f %%)"
  return { text:format(duration(saving.every), saving.usd, saving.share * 100), "green" }
end

local function print_table(report)
  local rows, sum = {}, 0
  for i, p in ipairs(report.policies) do
    sum = sum + p.usd_a_month
    local usd = p.unknown and "?" or ("%.2f"):format(p.usd_a_month)
    rows[i] = { p.policy, duration(p.every_s), p.periods, p.unknown and "?" or p.targets, p.metrics_a_tick,
                ("%.0f"):format(p.calls_a_month), ("%.0f"):format(p.metrics_a_month), usd, saving_text(p.saving) }
  end
  local total = report.total
  rows[#rows + 1] = { { "together", "bold" }, "", "", "", total.metrics_a_tick, ("%.0f"):format(total.calls_a_month),
                      ("%.0f"):format(total.metrics_a_month), { ("%.2f"):format(total.usd_a_month), "bold" }, "" }
  columns.print({ "policy", "every>", "periods>", "targets>", "metrics a tick>", "calls a month>", "metrics a month>",
                  "$ a month>", "longer" }, rows)
  print()
  print(("At $%g per 1,000 metrics requested, in a month of 30 days."):format(report.usd_per_1000_metrics))
  if sum > total.usd_a_month + 0.005 then
    print(("Policies that ask the same save $%.2f: it is asked once."):format(sum - total.usd_a_month))
  end
  for _, p in ipairs(report.policies) do
    if p.unknown then
      print(("%s finds its targets at run time: see `moontide status` for what it was charged."):format(p.policy))
    end
  end
end

local report = report_of(declarations())
if options.format == "json" then
  json.array(report.policies)
  print(json.encode(report))
else
  print_table(report)
end
