-- receivers: what stands between the host and the receivers (receiver_*.lua, and an operator's own in
-- policies/lib). Gives the globals that receivers use, and answers the functions that the host
-- calls: check, send.
--
--   host.send: template, words --> secrets --> module.send --> answer | failure --> scrubbed
--
-- A failure is an answer: whether it may pass, and when to try again. Nothing that a receiver says
-- leaves here before every secret in it is blanked.

-- core: source, types, template, place, nearest, renders, left
local core, kit, vault = ...
local error, ipairs, load, pairs, pcall, tostring, type = error, ipairs, load, pairs, pcall, tostring, type

local TEXT_MAX = 16 * 1024 -- bytes of one text of a notification
-- Of every receiver: those that say true are the configuration's; the others are for the words.
local COMMON = {
  type = true, name = true, send_resolved = true, rate = true, rate_per_s = true,
  language = { "string", choices = { "en", "ko" } }, timezone = { "string" }, links = { "table" },
}

-- ---- what a receiver says goes out without secrets ----

local print_line = print
function _G.print(...)
  local words = table.pack(...)
  for i = 1, words.n do words[i] = tostring(words[i]) end
  print_line(vault.scrub(table.concat(words, "\t")))
end

local function scrubbed(value, depth)
  if type(value) == "string" then return vault.scrub(value) end
  if type(value) ~= "table" or depth > 8 then return value end
  local copy = {}
  for key, each in pairs(value) do copy[key] = scrubbed(each, depth + 1) end
  return copy
end

for _, level in ipairs { "debug", "info", "warn", "error" } do
  local write = log[level]
  log[level] = function(event, fields) return write(scrubbed(event, 0), scrubbed(fields, 0)) end
end

-- ---- modules ----

local TYPES = {
  string = function(v) return type(v) == "string" and v ~= "" end,
  number = function(v) return type(v) == "number" end,
  boolean = function(v) return type(v) == "boolean" end,
  table = function(v) return type(v) == "table" end,
  list = function(v) return type(v) == "table" and #v > 0 end,
  duration = function(v) return type(v) == "number" and v > 0 or type(v) == "string" and pcall(time.duration, v) end,
  url = function(v) return type(v) == "string" and v:find("^https?://[^%s%c/]+[^%s%c]*$") ~= nil end,
}
local WORDS = { string = "a text", list = "a list of texts", url = "an http or https URL", duration = "a duration" }

function _G.receiver(module)
  if type(module) ~= "table" then error("receiver: a table was expected", 2) end
  for _, name in ipairs { "type", "send", "fields" } do
    if module[name] == nil then error("receiver: '" .. name .. "' is missing", 2) end
  end
  for name, field in pairs(module.fields) do
    if type(field) ~= "table" or not TYPES[field[1]] then
      error("receiver: field '" .. tostring(name) .. "' has no known type" ..
            core.nearest(tostring(type(field) == "table" and field[1]), TYPES), 2)
    end
  end
  return module
end

local loaded = {}

local function load_receiver(name)
  local source, chunk = core.source(name)
  if not source then
    if chunk then error("receiver type '" .. name .. "': " .. chunk, 0) end
    error("there is no receiver type '" .. name .. "'" .. core.nearest(name, core.types()), 0)
  end
  local known = loaded[name]
  if known and known.source == source then return known.module end
  local run, problem = load(source, chunk, "t")
  if not run then error(problem, 0) end
  local module = run()
  if type(module) ~= "table" or type(module.send) ~= "function" then
    error(chunk:sub(2) .. ": the file does not return a receiver { ... }", 0)
  end
  if module.type ~= name then
    error(chunk:sub(2) .. ": the receiver is named '" .. tostring(module.type) .. "'", 0)
  end
  loaded[name] = { source = source, module = module }
  return module
end

-- ---- settings ----

local function value_problem(field, name, value)
  if vault.is_reference(value) then
    local problem = vault.reference_problem(value)
    return problem and "'" .. name .. "' " .. problem
  end
  if not TYPES[field[1]](value) then
    return "'" .. name .. "' must be " .. (WORDS[field[1]] or ("a " .. field[1])) ..
      (type(value) ~= "string" and ", not a " .. type(value) or "")
  end
  if type(value) == "string" and field[1] ~= "list" and value:find("[\r\n\0]") and not field.lines then
    return "'" .. name .. "' contains a line break"
  end
  for _, choice in ipairs(field.choices or {}) do
    if choice == value then return nil end
  end
  if field.choices then
    local known = {}
    for _, choice in ipairs(field.choices) do known[choice] = true end
    return "'" .. name .. "' must be one of " .. table.concat(field.choices, ", ") .. core.nearest(value, known)
  end
end

local function settings_problem(module, settings)
  for name, value in pairs(settings) do
    local field = module.fields[name] or COMMON[name]
    if field and field ~= true and value ~= json.null then
      local problem = value_problem(field, name, value)
      if problem then return problem end
    elseif not field then
      return "unknown field '" .. tostring(name) .. "'" .. core.nearest(tostring(name), module.fields)
    end
  end
  for name, field in pairs(module.fields) do
    if field.required and (settings[name] == nil or settings[name] == json.null) then
      return "'" .. name .. "' is missing" .. (field.doc and " (" .. field.doc .. ")" or "")
    end
  end
  return module.check and module.check(settings) or nil
end

-- ---- a message ----

local function clipped(value, depth)
  if type(value) == "string" then return #value > TEXT_MAX and kit.cut(value, TEXT_MAX) or value end
  if type(value) ~= "table" or depth > 12 then return value end
  for key, each in pairs(value) do value[key] = clipped(each, depth + 1) end
  return value
end

local function words_of(notification, settings, template_fault)
  local language, region = core.place()
  local options = { language = settings.language or language, region = region, timezone = settings.timezone,
                    links = settings.links }
  if not template_fault then options.template, options.template_file = core.template() end
  core.renders(true)
  local message, warning = require "moontide.messages".render(notification, options)
  core.renders(false)
  return message, template_fault and "the template was not used: " .. template_fault or warning
end

local function deliver(name, settings_text, given, state_text, template_fault)
  local settings = json.decode(settings_text)
  local module = load_receiver(name)
  vault.hide_settings(settings, module.fields)
  local problem = settings_problem(module, settings)
  if problem then fail { text = name .. ": " .. problem, permanent = true } end
  local notification = type(given) == "string" and json.decode(given) or given
  notification = notification and clipped(notification, 0)
  local state = state_text and json.decode(state_text) or nil
  local message, warning
  if notification then message, warning = words_of(notification, settings, template_fault) end
  local function attempt(again)
    local resolved, cached = vault.resolve(settings, again)
    local ok, result = pcall(module.send, resolved, message, notification, state, core.left)
    if ok then return result end
    local failure = kit.judge(result)
    -- A secret of the cache may have been changed since.
    if failure.permanent and cached and not again then return attempt(true) end
    error(failure, 0)
  end
  return attempt(false) or {}, warning
end

local function state_text(state)
  if type(state) == "table" then return json.encode(state) end
end

local host = {}

-- Answers: taken, answer, permanent, retry_after_ms, state, warning
function host.send(name, _, settings_text, notification, given, template_fault)
  vault.begin()
  local ok, result, warning = pcall(deliver, name, settings_text, notification, given, template_fault)
  if ok and type(result) ~= "table" then
    ok, result = false, { text = name .. ": send must return a table, not a " .. type(result) }
  end
  if ok then
    warning = warning or result.warning
    return true, vault.scrub(kit.line(result.answer or "ok")), false, 0, state_text(result.state),
      warning and vault.scrub(kit.line(warning))
  end
  local failure = kit.judge(result)
  local wait = failure.retry_after and math.ceil(failure.retry_after * 1000) or 0
  return false, vault.scrub(kit.line(failure.text)), failure.permanent or false, wait, state_text(failure.state),
    warning and vault.scrub(kit.line(warning))
end

-- Answers what is wrong with a receiver, or nil.
function host.check(name, settings_text)
  local ok, module = pcall(load_receiver, name)
  if not ok then return tostring(module) end
  local settings = json.decode(settings_text)
  vault.begin()
  vault.hide_settings(settings, module.fields)
  local fine, problem = pcall(settings_problem, module, settings)
  if not problem then return nil end
  return vault.scrub(fine and name .. ": " .. problem or tostring(problem))
end

return host
