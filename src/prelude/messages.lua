-- messages: a notification in words, for every receiver.
--
--   render(notification, options) -> message, warning
--   options: { language = "en" | "ko", timezone, now (ms), links = { console, runbook, status_page, ... }, region,
--              template (the text of an operator's message.lua), template_file (its chunk name) or
--              templates (what it returns) }
--   message: { title, severity, status, color, summary, text, markdown, html, alerts, more, links, silence }
--
--   notification --message_alert--> alerts --title, summary--> message --message_text, message_html--> text, html
--        `-- an operator's functions, part by part, each with the default that it replaces
--
-- A notification is data of unknown quality: a field that is missing or of an odd type is left out, nothing throws.
-- A fault of a template leaves the part's default and is the warning. One that loops ends with the caller's budget,
-- which no pcall here can stop: the caller renders again without the template.

local clean = require "moontide.message_clean"
local alerts = require "moontide.message_alert"
local words = require "moontide.message_text"
local mail = require "moontide.message_html"
local values = require "moontide.message_values"

local error, ipairs, load, pairs, pcall, tostring, type = error, ipairs, load, pairs, pcall, tostring, type

local TITLE_MAX <const> = 120
local ALERTS_MAX <const> = 25 -- NOTIFY_ALERTS_MAX
local BYTES_MAX <const> = 900 * 1024 -- of the mail's body, below a mebibyte
local PART_MAX <const> = 256 * 1024 -- bytes of what a template returns
local COLORS = { high = "#d1242f", medium = "#bc4c00", low = "#7d5f00", resolved = "#1a7f37", test = "#0969da" }
local SAY = { en = "moontide.messages_en", ko = "moontide.messages_ko" }

-- ---- templates ----

-- What a template may use: nothing that waits or knows a secret.
local function template_globals()
  return { string = string, table = table, math = math, utf8 = utf8, json = json, time = time, ipairs = ipairs,
           pairs = pairs, next = next, select = select, type = type, tostring = tostring, tonumber = tonumber,
           error = error, assert = assert, pcall = pcall }
end

local function templates_of(options)
  local templates = options.templates
  if templates == nil and type(options.template) == "string" then
    local name = type(options.template_file) == "string" and options.template_file or "=message.lua"
    local run, problem = load(options.template, name, "t", template_globals())
    if not run then return nil, problem end
    local ok, result = pcall(run)
    if not ok then return nil, tostring(result) end
    if type(result) ~= "table" then
      return nil, name:gsub("^[@=]", "") .. ": a table of functions was expected, not a " .. type(result)
    end
    templates = result
  end
  if templates ~= nil and type(templates) ~= "table" then return nil, "templates must be a table" end
  return templates
end

local function copy(value, depth)
  if type(value) ~= "table" or depth > 8 then return value end
  local made = {}
  for key, each in pairs(value) do made[key] = copy(each, depth + 1) end
  return made
end

-- part(name, about, default): the template's text, or the default; and what was wrong, once.
local function parts_of(options)
  local templates, warning = templates_of(options)
  local function part(name, about, default)
    local f = templates and templates[name]
    if f == nil then return default end
    local ok, result
    if type(f) == "function" then
      ok, result = pcall(f, copy(about, 0), default) -- a copy: what it changes is its own
    else
      ok, result = false, "template '" .. name .. "' is a " .. type(f) .. ", not a function"
    end
    if ok and result == nil then return default end
    if ok and type(result) == "string" then return clean.text(result, PART_MAX) or "" end
    if ok then result = "template '" .. name .. "' returned a " .. type(result) .. ", not a text" end
    warning = warning or clean.line(tostring(result), 300)
    return default
  end
  return part, function() return warning end
end

-- ---- title and summary ----

local function count(value)
  value = clean.number(value)
  return value and value >= 0 and math.floor(value) or 0
end

-- The parts of a group's name, sorted: "prod, performance".
local function group_words(n)
  local names, list = {}, {}
  for name in pairs(clean.list(n.group)) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do list[#list + 1] = clean.line(n.group[name], 60) end
  return #list > 0 and table.concat(list, ", ") or nil
end

local function status_of(n, made)
  if n.status == "test" or n.status == "resolved" or n.status == "firing" then return n.status end
  for _, alert in ipairs(made) do
    if alert.state ~= "resolved" then return "firing" end
  end
  return #made > 0 and "resolved" or "firing"
end

local function tag(message, say)
  if message.status ~= "firing" then return say.tag[message.status] end
  return say.tag[message.severity] or say.tag.none
end

local function first_title(message, view)
  local first, n = message.alerts[1], message.notification
  local raw = clean.list(n.alerts)[1]
  local title, lasted = first.title, alerts.lasted(clean.list(raw), view)
  if first.state == "resolved" then
    return title .. (lasted and " (" .. view.say.lasted_for(lasted) .. ")" or "")
  end
  if n.repeated then title = view.say.still(lasted) .. ": " .. title end
  if first.state == "flapping" then title = view.say.state.flapping .. ": " .. title end
  return title
end

local function title_of(message, view)
  local say, n = view.say, message.notification
  local label = "[" .. tag(message, say) .. "] "
  if message.status == "test" then return label .. say.test_title(clean.line(n.receiver, 60)) end
  local all = message.firing + message.resolved
  if #message.alerts == 0 then return label .. say.counts(message.firing, message.resolved) end
  if all == 1 then return label .. first_title(message, view) end
  local title = say.counts(message.firing, message.resolved) .. ": " .. say.and_more(message.alerts[1].title, all - 1)
  if n.repeated then title = say.still(alerts.lasted(clean.list(n.alerts[1]), view)) .. ": " .. title end
  return label .. title
end

-- One line without the tag, for previews: what was seen first.
local function summary_of(message, view)
  if message.status == "test" then return view.say.test_text end
  local first = message.alerts[1]
  if not first then return message.title end
  local seen = clean.line(first.text, 160)
  return seen or first.title
end

local function intro_of(message, view)
  local say, parts = view.say, {}
  if message.status == "test" then return say.test_text end
  local group = group_words(message.notification)
  if message.firing + message.resolved > 1 or message.more > 0 then
    parts[1] = say.counts(message.firing, message.resolved)
  end
  if group then parts[#parts + 1] = group end
  return #parts > 0 and table.concat(parts, " · ") or nil
end

-- ---- rendering ----

local function alerts_of(n, view, part)
  local list = {}
  for i, raw in ipairs(n.alerts) do
    local ok, made = pcall(alerts.render, raw, view)
    if not ok then made = alerts.bare(raw, view.say) end
    made.text = part("alert", raw, made.text)
    list[i] = made
  end
  return list
end

local function counts_of(message, n)
  local firing, resolved = 0, 0
  for _, alert in ipairs(message.alerts) do
    if alert.state == "resolved" then resolved = resolved + 1 else firing = firing + 1 end
  end
  message.firing, message.resolved = math.max(firing, count(n.firing)), math.max(resolved, count(n.resolved))
end

local function color_of(alert)
  return alert.state == "resolved" and COLORS.resolved or COLORS[alert.severity]
end

local function worst_of(n, list)
  if COLORS[n.severity] and (n.severity == "high" or n.severity == "medium" or n.severity == "low") then
    return n.severity
  end
  local rank = { low = 1, medium = 2, high = 3 }
  local worst
  for _, alert in ipairs(list) do
    if not worst or rank[alert.severity] > rank[worst] then worst = alert.severity end
  end
  return worst or "low"
end

-- The fields that are used of a notification, each of the type that is expected of it.
local function taken(raw)
  raw = clean.list(raw)
  return { status = raw.status, severity = raw.severity, receiver = raw.receiver, group = raw.group,
           firing = raw.firing, resolved = raw.resolved, at = clean.number(raw.at), more = count(raw.more),
           repeated = raw["repeat"] == true, alerts = clean.tables(raw.alerts, ALERTS_MAX) }
end

local function compose(raw, n, view, part)
  local message = { notification = n, alerts = alerts_of(n, view, part), more = n.more }
  message.status = status_of(n, message.alerts)
  message.severity = worst_of(n, message.alerts)
  message.color = COLORS[message.status] or COLORS[message.severity]
  counts_of(message, n)
  local title = clean.line(title_of(message, view), TITLE_MAX)
  message.title = clean.line(part("title", raw, title), TITLE_MAX) or title
  message.summary = clean.line(part("summary", raw, summary_of(message, view)), 300) or message.title
  message.intro = intro_of(message, view)
  message.footer, message.alone = view.say.footer, message.firing + message.resolved == 1
  message.links = message.alerts[1] and message.alerts[1].links or {}
  for _, alert in ipairs(message.alerts) do message.silence = message.silence or alert.silence end
  return message
end

-- Less of each alert when there are many, and again while the mail is too long.
local function details_of(n)
  if #n.alerts <= 5 then return { "full", "short", "names" } end
  return { "short", "names" }
end

local function render(notification, options)
  options = clean.list(options)
  local n = taken(notification)
  local view = { say = require(SAY[options.language] or SAY.en), zone = options.timezone, links = options.links,
                 now = clean.number(options.now) or n.at, region = clean.line(options.region, 30) }
  local part, warning = parts_of(options)
  local message, body
  for _, detail in ipairs(details_of(n)) do
    view.detail = detail
    message = compose(notification, n, view, part)
    body = mail.render(message, view.say, color_of)
    if #body <= BYTES_MAX then break end
  end
  message.text = part("text", notification, words.plain(message, view.say))
  message.markdown = part("markdown", notification, words.slack(message, view.say))
  message.html = part("html", notification, body)
  message.notification, message.footer, message.intro, message.alone = nil, nil, nil, nil
  return message, warning() or values.zone_problem(options.timezone)
end

return { render = render }
