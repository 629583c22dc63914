-- test_run: run(policy, options), fixtures and snapshots.
--
--   options --> a world (clock, resources) --> the policy on it --> its series --> one tick --> a result
--
-- A result is what the tick said of its first target, with `targets` for all of them, and the world
-- it stands on: advance, tick and set_series go on from there.
local core, globals, diff = ...
local error, ipairs, next, pairs, pcall, rawget, rawset, setmetatable, tostring, type =
  error, ipairs, next, pairs, pcall, rawget, rawset, setmetatable, tostring, type
local floor = math.floor
local gsub, match, sub = string.gsub, string.match, string.sub
local concat, sort = table.concat, table.sort
local decode, encode = json.decode, json.encode
local open = io.open

local AT <const> = 1767614400 -- 2026-01-05T12:00:00Z, a Monday: when a test does not say

local KNOWN = {}
for name in string.gmatch("target targets series memo at extra resources mode config alerts fixture", "%a+") do
  KNOWN[name] = true
end

local function complain(text) core.fail("run: " .. text) end

local function names_of(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = tostring(name) end
  sort(names)
  return names
end

local function hint(name, known)
  local near = core.nearest(tostring(name), known)
  return near and " (did you mean '" .. near .. "'?)" or ""
end

-- ---- values ----

local function seconds_of(value, what)
  if type(value) == "number" then return value end
  local ok, answer = pcall(core.seconds, value)
  if ok then return answer end
  return complain(what .. ": '" .. tostring(value) .. "' is no time or duration")
end

-- When something is: epoch seconds, "2026-01-05T12:00:00Z", or "1h", which is that long before at.
local function time_of(value, at, what)
  if type(value) == "number" then return value end
  local ok, answer = pcall(core.time, tostring(value))
  if ok then return answer end
  return at - seconds_of(value, what)
end

local FIELDS = { "values", "period", "start", "hold" }

-- A list of numbers and gaps (nil, false, json.null, "_"), its length, whether it holds.
local function list_of(values, what)
  local out, last = {}, 0
  for key in next, values do
    if math.type(key) ~= "integer" or key < 1 then
      complain(what .. ": unknown field '" .. tostring(key) .. "'" .. hint(key, FIELDS))
    end
    if key > last then last = key end
  end
  for i = 1, last do
    local value = rawget(values, i)
    if type(value) == "number" then
      local finite = value == value and value ~= 1 / 0 and value ~= -1 / 0
      if not finite then complain(what .. ": value " .. i .. " is not finite") end
      out[i] = value
    elseif value == nil or value == false or value == json.null or value == "_" then
      out[i] = false
    else
      complain(what .. ": value " .. i .. " is a " .. type(value) .. ", not a number")
    end
  end
  return out, last
end

local SERIES_FIELDS = { values = true, period = true, start = true, hold = true, metric = true, state = true }

-- What a test may write for a series -> values, count, start (or nil), hold, ended
local function series_of(spec, what, period)
  if type(spec) == "number" then return { spec }, 1 end
  if type(spec) == "string" then
    local ok, values, count, ended = pcall(core.notation, spec)
    if not ok then complain(what .. ": " .. values) end
    return values, count, nil, false, ended
  end
  if type(spec) ~= "table" then complain(what .. ": a series is text, a number or a table, not a " .. type(spec)) end
  if rawget(spec, "values") == nil then return list_of(spec, what) end
  for name in pairs(spec) do
    if not SERIES_FIELDS[name] then
      complain(what .. ": unknown field '" .. tostring(name) .. "'" .. hint(name, FIELDS))
    end
  end
  if spec.period and seconds_of(spec.period, what) ~= period then
    complain(what .. ": its period is " .. period .. " s in the policy, not " .. tostring(spec.period))
  end
  local values, count, _, _, ended = series_of(spec.values, what, period)
  return values, count, spec.start, spec.hold and not ended or false, ended
end

-- ---- policies ----

local function exists(path)
  local file = open(path, "r")
  if file then file:close() end
  return file ~= nil
end

-- A name or a path, relative to policies/ (or the project, or the test file).
local function policy_file(policy)
  if type(policy) ~= "string" then complain("a policy's name or path is expected, not a " .. type(policy)) end
  local with = match(policy, "%.lua$") and policy or policy .. ".lua"
  local tried = {}
  for _, dir in ipairs { core.policies_dir, core.dir, core.project_dir } do
    local path = sub(with, 1, 1) == "/" and with or (dir == "." and with or dir .. "/" .. with)
    if exists(path) then return path, (gsub(path, "^%./", "")) end
    tried[#tried + 1] = path
  end
  local path = core.find_policy(policy)
  if path then return path, (gsub(path, "^%./", "")) end
  return complain("there is no policy '" .. policy .. "' (looked for " .. concat(tried, ", ") .. ")")
end

-- ---- targets ----

local FIXTURE_TARGET = { target = true, id = true, extra = true, memo = true, series = true, recorded = true }

-- Whether it is one of { target = ..., series = ..., ... }, as fixtures have.
local function is_dressed(value)
  if type(value) ~= "table" or value.target == nil then return false end
  for name in pairs(value) do
    if not FIXTURE_TARGET[name] then return false end
  end
  return true
end

-- The targets that were given, each { target, series, memo, extra }; nil: the policy's own.
local function targets_of(options)
  local given = options.targets
  if options.target ~= nil then
    if given ~= nil then complain("`target` and `targets`: only one of them") end
    given = { options.target }
  end
  if given == nil then return nil end
  if type(given) ~= "table" then complain("targets: a list is expected, not a " .. type(given)) end
  local list = {}
  for i, each in ipairs(given) do list[i] = is_dressed(each) and each or { target = each } end
  return list
end

local function json_list(list, count, field, common)
  local out, any = {}, common ~= nil
  for i = 1, count do
    local value = list and list[i] and list[i][field]
    if value == nil then value = common end
    any = any or value ~= nil
    out[i] = value == nil and json.null or value
  end
  if not any then return nil end
  if not list then return encode { all = common } end
  return encode(json.array(out))
end

-- ---- fixtures ----

local function epoch(at)
  if type(at) == "string" then return core.time(at) end
  return at > 1e11 and at / 1000 or at
end

-- How much older than the tick the newest period is that its policy could see (`settle` of the daemon that recorded
-- it, as far as the periods tell): else the window of this run ended elsewhere. 0: the series do not say.
local function settle_of(at, targets)
  local least
  for _, target in ipairs(targets or {}) do
    for _, series in pairs(target.series or {}) do
      if type(series) == "table" and series.start and series.period and type(series.values) == "table" then
        local age = at - (series.start + #series.values * series.period)
        if not least or age < least then least = age end
      end
    end
  end
  return least and least > 0 and least or 0
end

-- A recorded tick as `moontide journal export` writes it -> options of run(), and what settle_of() says.
local function options_of(recorded)
  if type(recorded.targets) ~= "table" then complain("fixture: it has no `targets`") end
  local targets = {}
  for i, each in ipairs(recorded.targets) do
    local copy = { recorded = true } -- what the policy has no metric for any more is no mistake
    for _, field in ipairs { "target", "extra", "memo", "series" } do
      if each[field] ~= json.null then copy[field] = each[field] end
    end
    targets[i] = copy
  end
  local at = recorded.at and epoch(recorded.at)
  return { at = at, targets = targets }, at and settle_of(at, targets) or 0
end

local function merged(options)
  local fixture = options.fixture
  if fixture == nil and options.tick ~= nil and options.targets ~= nil then
    fixture, options = options, {}
  end
  if fixture == nil then return options, 0 end
  local all, settle = options_of(fixture)
  for name, value in pairs(options) do
    if name ~= "fixture" then all[name] = value end
  end
  if options.target ~= nil then all.targets = nil end
  return all, settle
end

function globals.fixture(path)
  if type(path) ~= "string" then error("fixture: a path is expected, not a " .. type(path), 2) end
  local tried = {}
  for _, dir in ipairs { core.dir, core.dir .. "/fixtures", core.project_dir } do
    local at = sub(path, 1, 1) == "/" and path or dir .. "/" .. path
    local file = open(at, "r")
    if file then
      local text = file:read("a")
      file:close()
      local ok, value = pcall(decode, text)
      if not ok then error("fixture: " .. at .. ": " .. tostring(value), 2) end
      return value
    end
    tried[#tried + 1] = at
  end
  error("fixture: there is no '" .. path .. "' (looked for " .. concat(tried, ", ") .. ")", 2)
end

-- ---- the world ----

local KINDS = { service = "ecs_desired_count", db = "rds_instance", ["parameter-group"] = "cache_parameters" }

-- resources = { ["service/shop/api"] = { count = 2, ... } }, or { kind =, current =, busy =, infeasible = } around it
local function give_resources(house, resources)
  if type(resources) ~= "table" then complain("resources: a table by name is expected") end
  for name, given in pairs(resources) do
    local list = type(given) == "table" and #given > 0 and given or { given }
    for _, each in ipairs(list) do
      if type(each) ~= "table" then complain("resources." .. tostring(name) .. ": a table is expected") end
      local dressed = each.kind or each.current or each.busy or each.infeasible
      local about = dressed and each or { current = each }
      local kind = about.kind or KINDS[match(name, "^[^/]*")]
      if not kind then
        complain("resources." .. tostring(name) .. ": which kind is it? { kind = \"...\", current = { ... } }")
      end
      local problem = about.busy and "BUSY: " .. tostring(about.busy) or about.infeasible and tostring(about.infeasible)
      local current = about.current and encode(about.current)
      core.resource(house, kind, name, about.region, about.account, current, problem or nil)
    end
  end
end

local function config_of(changes)
  if changes == nil then return nil end
  if type(changes) ~= "table" then complain("config: a table is expected, not a " .. type(changes)) end
  local all = {}
  for name, value in pairs(config) do all[name] = value end
  for name, value in pairs(changes) do all[name] = value end
  return encode(all)
end

local world = {} -- methods of what a world's results share
local state = setmetatable({}, { __mode = "k" }) -- result -> its world

local function put_series(at, policy, index, key, spec)
  local target = policy.targets[index]
  local what = "series." .. tostring(key)
  local period = target.metrics[key]
  if not period then
    complain(what .. ": the policy '" .. policy.name .. "' has no such metric" .. hint(key, names_of(target.metrics)) ..
      "; it has " .. (next(target.metrics) and concat(names_of(target.metrics), ", ") or "none"))
  end
  local values, count, start, hold = series_of(spec, what, period)
  local now = core.now(at.house)
  if start then
    start = floor(time_of(start, now, what) / period) * period
  else
    start = floor((now - at.settle) / period) * period - count * period -- the last value is the newest whole period
  end
  core.series(at.house, policy.index, index, key, start, values, count, hold)
end

-- Series by metric, for all targets; or by target's id and metric.
local function put_all(at, policy, series)
  if type(series) ~= "table" then complain("series: a table by metric is expected, not a " .. type(series)) end
  for key, spec in pairs(series) do
    local matched, found = false, false
    for i, target in ipairs(policy.targets) do
      if target.id == key and type(spec) == "table" then
        for name, own in pairs(spec) do put_series(at, policy, i, name, own) end
        matched = true
      end
    end
    for i, target in ipairs(policy.targets) do
      if not matched and target.metrics[key] then
        put_series(at, policy, i, key, spec)
        found = true
      end
    end
    if not found and not matched and not at.loose and #policy.targets > 0 then
      put_series(at, policy, #policy.targets, key, spec) -- which says what is wrong
    end
  end
end

local RESULT = {}

-- The first line of each error that nobody looked at.
local function errors_text(errors)
  local lines = {}
  for i, each in ipairs(errors) do
    if i > 5 then break end
    local line = each.line > 0 and ":" .. each.line or ""
    local where = each.file and each.file ~= "" and each.file .. line .. ": " or ""
    lines[i] = "  " .. where .. each.message
  end
  return concat(lines, "\n")
end

local function index_of(result, key)
  local method = world[key]
  if method then return method end
  local at = state[result]
  if key == "errors" then
    at.unseen[result] = nil
    return rawget(result, "\0errors")
  elseif key == "sent" then
    return at:messages()
  end
end

local function result_of(at, report)
  local first = report.targets[1] or {}
  local result = {}
  for key, value in pairs(first) do result[key] = value end
  result.targets = report.targets
  result.at = core.now(at.house)
  for _, each in ipairs(report.targets) do
    each.findings = { issues = each.issues, recommendations = each.recommendations }
  end
  result.findings = first.findings
  for _, each in ipairs(report.targets) do result.targets[each.target] = each end
  rawset(result, "\0errors", report.errors)
  state[result] = at
  if #report.errors > 0 then
    at.unseen[result] = report.errors
    core.unseen[#core.unseen + 1] = at
  end
  return setmetatable(result, RESULT)
end
RESULT.__index = index_of

local function tick(at)
  local report = core.tick(at.house)
  return result_of(at, report)
end

local function seconds_at(ms) return ms // 1000 end

-- Messages as they were sent, in words; each is rendered when it is looked at.
local function message_of(notification)
  local message = { receiver = notification.receiver, status = notification.status, at = seconds_at(notification.at),
                    severity = notification.severity, alerts = notification.alerts, group = notification.group,
                    notification = notification, ["repeat"] = notification["repeat"] }
  return setmetatable(message, { __index = function(self, key)
    if key ~= "text" and key ~= "title" and key ~= "html" and key ~= "markdown" and key ~= "summary" then return nil end
    local options = { language = config.language, now = notification.at, region = config.region }
    options.template, options.template_file = core.template()
    local rendered = require "moontide.messages".render(notification, options)
    for _, part in ipairs { "text", "title", "html", "markdown", "summary" } do rawset(self, part, rendered[part]) end
    return rawget(self, key)
  end })
end

local function messages(at)
  local all = core.sent(at.house)
  for i = #at.rendered + 1, #all do at.rendered[i] = message_of(all[i]) end
  local list = {}
  for i, each in ipairs(at.rendered) do list[i] = each end
  return list
end

local function open_policy(at, name, options)
  local path, shown = policy_file(name)
  local given = targets_of(options)
  local bare
  if given then
    bare = {}
    for i, each in ipairs(given) do bare[i] = each.target end
    if #bare == 0 then complain("targets: the list is empty") end
  end
  local info = core.policy(at.house, path, shown, bare and encode(json.array(bare)),
    json_list(given, given and #given or 0, "extra", options.extra),
    json_list(given, given and #given or 0, "memo", options.memo))
  at.policies[#at.policies + 1] = info
  info.index = #at.policies
  if options.series then put_all(at, info, options.series) end
  for i, each in ipairs(given or {}) do
    for key, spec in pairs(each.series or {}) do
      if not each.recorded or info.targets[i].metrics[key] then put_series(at, info, i, key, spec) end
    end
  end
end

local function check_options(options)
  if type(options) ~= "table" then complain("options: a table is expected, not a " .. type(options)) end
  for name in pairs(options) do
    if not KNOWN[name] then complain("unknown option '" .. tostring(name) .. "'" .. hint(name, names_of(KNOWN))) end
  end
end

local function run(policy, options)
  local settle = 0
  options = options or {}
  if type(options) == "table" then options, settle = merged(options) end
  check_options(options)
  local alerts = options.alerts
  if alerts ~= nil and alerts ~= "project" then complain("alerts: \"project\" takes the receivers of moontide.lua") end
  local at = { policies = {}, rendered = {}, unseen = {}, messages = messages, settle = settle }
  local when = options.at == nil and AT or time_of(options.at, AT, "at")
  at.house = core.house { at_ms = floor(when * 1000), settle_ms = floor(settle * 1000), mode = options.mode, config = config_of(options.config),
                          project_alerts = alerts == "project" }
  if options.resources then give_resources(at.house, options.resources) end
  local list = type(policy) == "table" and policy or { policy }
  at.loose = #list > 1
  for _, name in ipairs(list) do open_policy(at, name, options) end
  if #list > 1 and options.series then
    for key in pairs(options.series) do
      local found = false
      for _, info in ipairs(at.policies) do
        for _, target in ipairs(info.targets) do found = found or target.id == key or target.metrics[key] ~= nil end
      end
      if not found then complain("series." .. tostring(key) .. ": none of the policies has such a metric") end
    end
  end
  return tick(at)
end
globals.run = run

-- ---- what a result can do ----

-- Moves the clock without judging anything; what is due to be sent by then is sent.
function world.advance(result, duration)
  local at = state[result]
  core.advance(at.house, floor(seconds_of(duration, "advance") * 1000 + 0.5))
  return result
end

-- Datapoints as run() takes them: the last value is the newest whole period by now.
function world.set_series(result, series)
  local at = state[result]
  for _, policy in ipairs(at.policies) do put_all(at, policy, series) end
  return result
end

-- Another tick, at the time that it is now. With series: those are set before.
function world.tick(result, series)
  local at = state[result]
  if series then world.set_series(result, series) end
  return tick(at)
end

-- n ticks, each one `every` of the policy later than the one before; with series: set before each.
function world.ticks(result, n, series)
  local at, last = state[result], result
  for _ = 1, n or 1 do
    core.advance(at.house, at.policies[1].every_ms)
    if series then world.set_series(result, series) end
    last = tick(at)
  end
  return last
end

function world.now(result) return core.now(state[result].house) end

function world.set_resources(result, resources)
  give_resources(state[result].house, resources)
  return result
end

local function finder(field, by)
  return function(result, name, more)
    for _, each in ipairs(result[field] or {}) do
      if each[by] == name and (more == nil or each.key == more or each.resource == more) then return each end
    end
    return nil
  end
end
world.issue, world.alert = finder("issues", "type"), finder("alerts", "type")
world.decision, world.recommendation = finder("decisions", "kind"), finder("recommendations", "type")

-- Errors of runs that the test did not look at are its own.
core.unseen = {}
local at_end = core.at_end
function core.at_end()
  local list = core.unseen
  core.unseen = {}
  at_end()
  for _, at in ipairs(list) do
    for _, errors in pairs(at.unseen) do
      at.unseen = {}
      core.fail("the run had errors, and the test did not look at its `errors`:\n" .. errors_text(errors))
    end
  end
end

-- ---- snapshots ----

local taken = {} -- of this file: name -> text, in order of use; counts by test
local changed, counts = false, {}
local stored ---@type table<string, string>

local function snapshot_path()
  return core.dir .. "/snapshots/" .. (gsub(match(core.chunk, "([^/]+)%.lua$") or "tests", "[^%w_.-]", "_")) .. ".snap"
end

-- "=== name\ntext\n" for each.
local function load_snapshots()
  stored = {}
  local file = open(snapshot_path(), "r")
  if not file then return end
  local name, lines = nil, {}
  local function keep() if name then stored[name] = concat(lines, "\n") end end
  for line in file:lines() do
    local head = match(line, "^=== (.*)$")
    if head then
      keep()
      name, lines = head, {}
    else
      lines[#lines + 1] = line
    end
  end
  keep()
  file:close()
end

function core.snapshot(value, name)
  if not core.test then error("to_match_snapshot belongs inside a test", 3) end
  if not stored then load_snapshots() end
  local base = gsub(core.test.name .. (name and " / " .. tostring(name) or ""), "\n", " ")
  counts[base] = (counts[base] or 0) + 1
  local key = counts[base] > 1 and base .. " #" .. counts[base] or base
  local text = type(value) == "string" and gsub(value, "\n=== ", "\n\\=== ") or diff.pretty(value)
  taken[key] = text
  if stored[key] == text then return end
  if core.update or stored[key] == nil and not core.ci then
    changed = true
    return
  end
  local out = { stored[key] and "it differs from its snapshot (" .. snapshot_path() .. "; --update takes it over)"
    or "there is no snapshot of it in " .. snapshot_path() .. " (--update makes it)" }
  if stored[key] then diff.two_sides(stored[key], text, out) end
  core.fail(concat(out, "\n"))
end

-- At the end of the file: writes what is new, or with --update all that was taken.
function core.write_snapshots(whole)
  if not changed then return end
  local all = {}
  if not (core.update and whole) then
    for name, text in pairs(stored) do all[name] = text end
  end
  for name, text in pairs(taken) do
    if core.update or stored[name] == nil then all[name] = text end
  end
  local names = names_of(all)
  local out = {}
  for i, name in ipairs(names) do out[i] = "=== " .. name .. "\n" .. all[name] .. "\n" end
  core.make_dir(core.dir .. "/snapshots")
  local file, problem = open(snapshot_path(), "w")
  if not file then error("snapshots: " .. tostring(problem), 0) end
  file:write(concat(out))
  file:close()
end

-- ---- what needs the network ----

local function refuse(name, advice)
  local text = name .. " needs the network, and a policy test has none: " .. advice
  local function thrown() error(text, 2) end
  globals[name] = setmetatable({}, { __index = thrown, __newindex = thrown, __call = thrown })
end
refuse("aws", "give `targets`, `extra` or `resources` to run()")
refuse("http", "give `extra` to run()")
refuse("cloudwatch", "give `series` to run()")
refuse("async", "nothing waits here")
refuse("journal", "look at `decisions` and `sent` of run()")
