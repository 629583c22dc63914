-- All ECS services, RDS instances and cache clusters of an account: their load, their limits, and what stands out,
-- the worst first.
--
-- usage: moontide script fleet_report.lua [--region REGION ...] [--account NAME] [--all] [--format text|json]
--
--   --region REGION   may be given again and again; default: the configuration's, or the environment's
--   --account NAME    one of the configuration's `accounts`
--   --all             also prints what is well; without it, that is counted
--   --format FORMAT   text (default) or json
--
-- Load is of the last three hours, in five minutes each. What may not be read, or is not there, is named at the end;
-- the rest is reported all the same. Reads only: ecs:ListClusters, ecs:ListServices, ecs:DescribeServices,
-- application-autoscaling:DescribeScalableTargets, rds:DescribeDBInstances, elasticache:DescribeCacheClusters,
-- cloudwatch:GetMetricData.
--
-- Exit: 0; 1 when nothing at all could be read.

local arguments = require "lib.arguments"
local columns = require "lib.columns"
local kinds = require "lib.fleet"

local options = arguments { region = "list", account = "text", all = "flag", format = { "text", "json" } }

local AT_ONCE = 8 -- calls under way
local FETCH_MAX = 2000 -- metrics of one cloudwatch.fetch
local WINDOW = "3h"
local SPARK_COLUMNS = 18
local SEVERITIES = { high = 1, medium = 2, low = 3, none = 4 }
local COLORS = { high = "red", medium = "yellow", low = "grey", none = "green" }

local problems, answered = {}, 0
local unanswered = {} -- why metrics have no datapoints: a set of texts

-- ---- many things at once, within a bound ----

local function each_at_once(list, f)
  local next_one = 0
  local function work()
    while next_one < #list do
      next_one = next_one + 1
      f(list[next_one])
    end
    return true
  end
  local workers = {}
  for i = 1, math.min(AT_ONCE, #list) do workers[i] = work end
  if #workers > 0 then async.all(workers) end
end

-- What f returns, or nil after noting the failure of AWS; an error in this script goes on.
local function try(what, region, f, ...)
  local ok, result = pcall(f, ...)
  if ok then
    answered = answered + 1
    return result
  end
  if type(result) ~= "table" or not result.code then error(result, 0) end
  local denied = result.code:find("Denied") ~= nil or result.code:find("NotAuthorized") ~= nil
  problems[#problems + 1] = { what = what, region = region, denied = denied, action = result.action,
                              code = result.code, message = tostring(result) }
  return nil
end

-- ---- reading ----

local function place_of(region)
  local place, clients = { region = region }, {}
  function place:client(service)
    clients[service] = clients[service] or
      aws.client(service, { region = region, account = options.account, max_concurrency = AT_ONCE })
    return clients[service]
  end
  function place:try(what, f, ...) return try(what, region, f, ...) end
  place.each_at_once = each_at_once
  return place
end

local function read_all(regions)
  local jobs, found = {}, {}
  for _, region in ipairs(regions) do
    for _, kind in ipairs(kinds) do jobs[#jobs + 1] = { kind = kind, place = place_of(region or nil) } end
  end
  each_at_once(jobs, function(job)
    job.kind.list(job.place, function(resource)
      resource.kind, resource.region = job.kind, job.place.region
      found[#found + 1] = resource
    end)
  end)
  return found
end

-- ---- load ----

-- owners: key -> { resource, name }
local function fetch(declared, owners)
  local got = try("metrics", nil, cloudwatch.fetch, declared)
  for key, answer in pairs(got or {}) do
    local owner = owners[key]
    owner.resource.load[owner.name] = answer
    if answer.reason and not answer.reason:find("^no datapoint") then unanswered[answer.reason] = true end
  end
end

local function add_load(resources)
  local declared, owners, count = {}, {}, 0
  for i, resource in ipairs(resources) do
    resource.load = {}
    for name, metric in pairs(resource.kind.metrics(resource)) do
      local key = ("m%d_%s"):format(i, name)
      declared[key] = cloudwatch { namespace = metric[1], name = metric[2], stat = metric[3] or "Average",
                                   dimensions = metric.dimensions, period = "5m", window = WINDOW,
                                   region = resource.region, account = options.account }
      owners[key], count = { resource = resource, name = name }, count + 1
    end
    if count >= FETCH_MAX or i == #resources then
      fetch(declared, owners)
      declared, owners, count = {}, {}, 0
    end
  end
end

-- The mean of the newest hour; nil without datapoints.
local function recent(answer)
  if not answer or #answer.values == 0 then return nil end
  local sum, first = 0, math.max(1, #answer.values - 11)
  for i = first, #answer.values do sum = sum + answer.values[i] end
  return sum / (#answer.values - first + 1)
end

-- ---- judging ----

local function judge(resource)
  resource.findings, resource.severity = {}, "none"
  local recently = setmetatable({}, { __index = function(_, name) return recent(resource.load[name]) end })
  resource.kind.judge(resource, recently, function(severity, text)
    table.insert(resource.findings, { severity = severity, text = text })
    if SEVERITIES[severity] < SEVERITIES[resource.severity] then resource.severity = severity end
  end)
  table.sort(resource.findings, function(a, b)
    if a.severity ~= b.severity then return SEVERITIES[a.severity] < SEVERITIES[b.severity] end
    return a.text < b.text
  end)
  resource.cpu, resource.memory = recently.cpu, recently.memory
end

local function worst_first(a, b)
  if a.severity ~= b.severity then return SEVERITIES[a.severity] < SEVERITIES[b.severity] end
  if a.kind.name ~= b.kind.name then return a.kind.name < b.kind.name end
  if a.name ~= b.name then return a.name < b.name end
  return (a.region or "") < (b.region or "")
end

-- ---- saying ----

local function percent(v) return v and ("%.0f %%"):format(v) or "-" end

local function rows_of(resource, many_regions)
  local rows = {}
  local values = resource.load.cpu and resource.load.cpu.values or {}
  local spark = #values > 0 and plot.spark(values, { width = SPARK_COLUMNS, min = 0, max = 100 }) or ""
  for i = 1, math.max(1, #resource.findings) do
    local finding = resource.findings[i]
    local said = finding and { finding.text, COLORS[finding.severity] } or ""
    local mark = finding and { finding.severity, COLORS[finding.severity] } or { "ok", "green" }
    rows[i] = i == 1 and { mark, resource.kind.name, resource.name, spark, percent(resource.cpu),
                           percent(resource.memory), resource.size, said } or { mark, "", "", "", "", "", "", said }
    if many_regions then table.insert(rows[i], 3, i == 1 and resource.region or "") end
  end
  return rows
end

local function print_problems()
  local lines = {}
  for _, problem in ipairs(problems) do
    lines[#lines + 1] = (problem.region and problem.region .. ", " or "") .. problem.what .. ": " ..
      (problem.denied and problem.action and "not allowed: " .. problem.action .. "; " or "") .. problem.message
  end
  for reason in pairs(unanswered) do lines[#lines + 1] = "metrics: " .. reason end
  table.sort(lines)
  if #lines > 0 then print("\nCould not be read:") end
  for _, line in ipairs(lines) do print("  " .. line) end
end

local function print_text(resources, many_regions)
  local rows, counts = {}, { high = 0, medium = 0, low = 0, none = 0 }
  for _, resource in ipairs(resources) do
    counts[resource.severity] = counts[resource.severity] + 1
    if options.all or resource.severity ~= "none" then
      for _, row in ipairs(rows_of(resource, many_regions)) do rows[#rows + 1] = row end
    end
  end
  local headings = { "", "kind", "name", "CPU, 3 h", "CPU>", "memory>", "size and limits", "findings" }
  if many_regions then table.insert(headings, 3, "region") end
  if #rows > 0 then
    columns.print(headings, rows)
    print()
  end
  print(("%d resources: %d high, %d medium, %d low, %d without findings"):format(#resources, counts.high, counts.medium,
    counts.low, counts.none))
  print_problems()
end

local function print_json(resources)
  local list = json.array {}
  for i, resource in ipairs(resources) do
    list[i] = { kind = resource.kind.name, name = resource.name, region = resource.region, cpu = resource.cpu,
                memory = resource.memory, size = resource.size, severity = resource.severity,
                findings = json.array(resource.findings) }
  end
  for reason in pairs(unanswered) do problems[#problems + 1] = { what = "metrics", message = reason } end
  print(json.encode { at = time.iso(time.now()), resources = list, problems = json.array(problems) })
end

local function main()
  local regions = options.region or { false } -- false: whatever a client takes by itself
  local resources = read_all(regions)
  add_load(resources)
  for _, resource in ipairs(resources) do judge(resource) end
  table.sort(resources, worst_first)
  if options.format == "json" then print_json(resources) else print_text(resources, #regions > 1) end
  if answered == 0 and #problems > 0 then os.exit(1) end
end

main()
