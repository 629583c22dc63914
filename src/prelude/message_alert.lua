-- message_alert: one alert of a notification in words: what the receivers are given of it, and what the text
-- and the mail are made of.
--
--   { title, name, severity, state, state_words, text, spark, facts = { { name, value }, ... }, recommendation,
--     actions = { { text, impact, effort, cost (both in words) }, ... }, decisions = { { text, outcome, reason }, ... },
--     links = { { name, url }, ... by name }, silence, plots, series }
--
-- `view` is { say, zone, now, links, detail }: the words, and how much is shown.

local clean = require "moontide.message_clean"
local values = require "moontide.message_values"
local alerts = {}

local line, text = clean.line, clean.text

local SEVERITIES = { high = true, medium = true, low = true }
-- Bounds by detail: bytes of a description, of other texts; how many actions, decisions and series.
local BOUNDS <const> = {
  full = { long = 4000, short = 1000, items = 8, series = 4 },
  short = { long = 600, short = 300, items = 3, series = 1 },
  names = { long = 160, short = 0, items = 0, series = 0 },
}

local function code(value, known)
  return type(value) == "string" and known[value] and value or nil
end

-- ---- what it is called ----

local function target_words(a, say)
  return line(a.target, 200) or say.unnamed_target
end

local function type_words(a, say)
  local type = line(a.type, 80)
  return type and say.type_words(type) or say.unnamed_type
end

local function state_of(a)
  return a.state == "resolved" and "resolved" or a.state == "flapping" and "flapping" or "firing"
end

local function seconds_between(from, to)
  from, to = clean.number(from), clean.number(to)
  return from and to and to >= from and (to - from) / 1000 or nil
end

function alerts.lasted(a, view)
  local seconds = seconds_between(a.since, state_of(a) == "resolved" and a.resolved_at or view.now)
  return seconds and view.say.duration(seconds)
end

-- ---- facts ----

local function when(at, view)
  local iso = values.iso(at, view.zone)
  if not iso or not view.now then return iso end
  return iso .. " (" .. view.say.relative((view.now - at) / 1000) .. ")"
end

local function status_words(a, view)
  local say, state = view.say, state_of(a)
  local words = say.state[state]
  local why = {}
  if state == "flapping" then why[1] = say.flapping end
  if a.unknown == true and state ~= "resolved" then why[#why + 1] = say.unknown end
  return words .. (#why > 0 and " – " .. table.concat(why, " ") or "")
end

local function facts_of(a, view)
  local say, facts = view.say, {}
  local function fact(name, value)
    if value then facts[#facts + 1] = { name, value } end
  end
  fact(say.status, status_words(a, view))
  fact(say.target, target_words(a, say))
  fact(say.policy, line(a.policy, 100))
  fact(say.key, line(a.key, 100))
  fact(say.since, when(clean.number(a.since), view))
  if state_of(a) == "resolved" then
    fact(say.resolved_at, when(clean.number(a.resolved_at), view))
    fact(say.lasted, alerts.lasted(a, view))
  end
  if not clean.url(a.doc) then fact(say.doc, line(a.doc, 300)) end
  return facts
end

-- ---- datapoints ----

local function series_of(a, description, view, bounds)
  local list, limited = {}, false
  for _, raw in ipairs(clean.tables(a.series, bounds.series)) do
    local s = values.series(raw)
    if s then
      s.limit = not limited and values.limit(description, s) or nil -- a description names one
      limited = limited or s.limit ~= nil
      s.spark = s.last and values.spark(s, 60) or ""
      s.short_spark = s.last and values.spark(s, 16) or ""
      s.words = alerts.series_words(s, view.say)
      list[#list + 1] = s
    end
  end
  return list
end

-- "last 1,240 ms, lowest 310 ms, highest 1,300 ms, limit 1,000 ms"
function alerts.series_words(s, say)
  if not s.last then return say.no_datapoints end
  local newest = s.points[#s.points]
  local parts = {
    say.last .. " " .. (newest and values.label(newest, s.unit) or say.no_value),
    say.lowest .. " " .. values.label(s.low, s.unit), say.highest .. " " .. values.label(s.high, s.unit),
  }
  if s.limit then parts[4] = say.limit:lower() .. " " .. values.label(s.limit, s.unit) end
  return table.concat(parts, ", ")
end

-- ---- what to do, and what was done ----

local function actions_of(a, view, bounds)
  local list, say = {}, view.say
  local function cut(size) return say.cut(size) end
  for _, r in ipairs(clean.tables(a.recommendations, bounds.items)) do
    local words = text(r.action, bounds.short, cut, r.action_cut)
    if words then
      local impact, effort = say.level[r.impact] or line(r.impact, 40), say.level[r.effort] or line(r.effort, 40)
      list[#list + 1] = { text = words, impact = impact, effort = effort, cost = say.impact_effort(impact, effort) }
    end
  end
  return list
end

local function value_words(value)
  if type(value) == "table" or value == nil then
    local ok, encoded = pcall(json.encode, value)
    return ok and value ~= nil and line(encoded, 80) or "–"
  end
  return line(value, 80) or "–"
end

-- "count 4 → 8, ..."
local function changes_words(changes)
  local parts = {}
  for _, change in ipairs(clean.tables(changes, 6)) do
    local field = line(change.field, 60)
    if field then
      parts[#parts + 1] = field .. " " .. value_words(change.from) .. " → " .. value_words(change.to)
    end
  end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

local function decision_of(d, say, bounds)
  local kind = line(d.kind, 60)
  local what = kind and (say.kind[kind] or kind) or ""
  local resource = line(d.resource, 200)
  if resource then what = what .. (what ~= "" and " (" or "") .. resource .. (what ~= "" and ")" or "") end
  local changes = changes_words(d.changes)
  if changes then what = what .. ": " .. changes end
  local outcome, reason = line(d.outcome, 40), line(d.reason, 60)
  local words = outcome and (say.outcome[outcome] or outcome)
  if words and reason then
    words = words .. ": " .. (say.reason[reason] and say.reason[reason] .. " (" .. reason .. ")" or reason)
  end
  local more = text(d.text, bounds.short, say.cut)
  local parts = {}
  for _, each in ipairs { what ~= "" and what or false, words or false, more or false } do
    if each then parts[#parts + 1] = each end
  end
  if #parts == 0 then return nil end
  return { text = table.concat(parts, " – "), outcome = outcome, reason = reason }
end

local function decisions_of(a, view, bounds)
  local list = {}
  for _, d in ipairs(clean.tables(a.decisions, bounds.items)) do
    list[#list + 1] = decision_of(d, view.say, bounds)
  end
  return list
end

-- ---- links, silence ----

local DOMAINS = { { "^cn%-", "amazonaws.cn" }, { "^us%-gov%-", "amazonaws-us-gov.com" } }

local function console_of(a, view)
  local region = line(clean.list(a.labels).region, 30) or view.region
  if not region or not region:find("^%l%l%l?%-[%l%-]+%-%d+$") then return nil end
  local domain = region .. ".console.aws.amazon.com"
  for _, each in ipairs(DOMAINS) do
    if region:find(each[1]) then domain = "console." .. each[2] end
  end
  return ("https://%s/cloudwatch/home?region=%s#metricsV2"):format(domain, region)
end

-- {type}, {policy}, {target}, {severity}, {key} and any label; what is not there is empty.
local function filled(template, a)
  if type(template) ~= "string" then return nil end
  local labels = clean.list(a.labels)
  return clean.url((template:gsub("{([%w_]+)}", function(name)
    local value = labels[name]
    if value == nil then value = a[name] end
    return clean.url_part(line(value, 300) or "")
  end)))
end

local function links_of(a, view)
  local say, given, list = view.say, clean.list(view.links), {}
  local function link(name, url)
    if url then list[#list + 1] = { name = name, url = url } end
  end
  link(say.console, filled(given.console, a) or console_of(a, view))
  link(say.runbook, filled(given.runbook, a))
  link(say.status_page, filled(given.status_page, a))
  link(say.documentation, clean.url(a.doc))
  local own = {}
  for name in pairs(given) do
    if type(name) == "string" and name ~= "console" and name ~= "runbook" and name ~= "status_page" then
      own[#own + 1] = name
    end
  end
  table.sort(own)
  for _, name in ipairs(own) do link(line(name, 60) or "", filled(given[name], a)) end
  return list
end

local function silence_of(a)
  local parts, labels = { "moontide silence add" }, clean.list(a.labels)
  local function matcher(name, value)
    value = line(value, 200)
    if not value then return end
    if not value:find("^[%w_%-%.:/]+$") then value = '"' .. value:gsub('[\\"]', "\\%0") .. '"' end
    parts[#parts + 1] = "--matcher " .. clean.shell(name .. "=" .. value)
  end
  matcher("policy", a.policy)
  matcher("type", a.type)
  if line(labels.environment, 200) then
    matcher("environment", labels.environment)
  else
    matcher("target", a.target)
  end
  if #parts == 1 then return nil end
  parts[#parts + 1] = "--for 2h --author you --reason ..."
  return table.concat(parts, " ")
end

-- ---- all of it ----

function alerts.render(a, view)
  local say, bounds = view.say, BOUNDS[view.detail]
  local description = text(a.description, bounds.long, say.cut, a.description_cut)
  local made = {
    name = type_words(a, say), target = target_words(a, say),
    severity = code(a.severity, SEVERITIES) or "low", state = state_of(a),
    text = description or "", spark = "", recommendation = text(a.recommendation, bounds.short, say.cut, a.recommendation_cut),
    actions = actions_of(a, view, bounds), decisions = decisions_of(a, view, bounds),
    links = bounds.items > 0 and links_of(a, view) or {}, facts = facts_of(a, view), plots = {},
  }
  made.state_words = say.state[made.state]
  made.title = say.on(made.name, made.target)
  made.series = series_of(a, description, view, bounds)
  if made.series[1] then made.spark = made.series[1].spark end
  if made.state ~= "resolved" then made.silence = silence_of(a) end
  for i, s in ipairs(made.series) do made.plots[i] = values.plot(s, s.limit, view.zone) or false end
  return made
end

-- What stands when rendering itself fails.
function alerts.bare(a, say)
  a = clean.list(a)
  local name, target = type_words(a, say), target_words(a, say)
  return { name = name, target = target, title = say.on(name, target), severity = code(a.severity, SEVERITIES) or "low",
           state = state_of(a), state_words = say.state[state_of(a)], text = text(a.description, 600, say.cut, a.description_cut) or "",
           spark = "", facts = {}, actions = {}, decisions = {}, links = {}, plots = {}, series = {} }
end

return alerts
