-- messages: a notification in words, for every receiver. Plain and short.
--
--   render(notification, options) -> message, warning
--   options: { language, template (the text of the operator's message.lua), template_file }

local COLORS = { high = "#d32f2f", medium = "#f57c00", low = "#fbc02d", resolved = "#388e3c", test = "#1976d2" }

local function alert_of(a)
  local facts = {}
  for name, value in pairs(a.labels or {}) do facts[#facts + 1] = { name, tostring(value) } end
  local actions = {}
  for _, r in ipairs(a.recommendations or {}) do
    actions[#actions + 1] = { text = r.action, impact = r.impact, effort = r.effort }
  end
  return {
    title = string.format("%s on %s", a.type, a.target),
    severity = a.severity, state = a.state, text = a.description or "", facts = facts,
    recommendation = a.recommendation, actions = actions, decisions = a.decisions or {}, links = {},
  }
end

-- What an operator's template makes of a part; or the default, and why.
local function part(options, name, about, default)
  if not options.template then return default end
  local run, problem = load(options.template, options.template_file, "t")
  if not run then return default, problem end
  local ok, result = pcall(function()
    local f = run()[name]
    return f and f(about, default) or default
  end)
  if ok then return result end
  return default, tostring(result)
end

local function render(n, options)
  local alerts, lines = {}, {}
  for i, a in ipairs(n.alerts or {}) do
    alerts[i] = alert_of(a)
    lines[#lines + 1] = string.format("[%s] %s: %s", a.state, alerts[i].title, alerts[i].text)
  end
  if (n.more or 0) > 0 then lines[#lines + 1] = string.format("and %d more", n.more) end
  local title = n.status == "test" and "Test message of moontide"
    or string.format("%s: %s", n.status, alerts[1] and alerts[1].title or n.group_key or "")
  local warning
  title, warning = part(options, "title", n, title)
  local text = title .. (#lines > 0 and "\n" .. table.concat(lines, "\n") or "")
  return {
    title = title, severity = n.severity, status = n.status,
    color = n.status == "firing" and COLORS[n.severity] or COLORS[n.status] or COLORS.low,
    summary = title, text = text, markdown = text, html = "", alerts = alerts, more = n.more or 0, links = {},
  }, warning
end

return { render = render }
