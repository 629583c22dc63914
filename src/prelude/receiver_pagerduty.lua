-- pagerduty: Events API v2; an event an alert: `trigger` while it fires, `resolve` when it is over. The
-- alert's id is the dedup_key, so an event that is sent twice is one incident.
--
-- Source: developer.pagerduty.com, "Send an Alert Event": summary of 1,024 characters, 512 KB.

local API = "https://events.pagerduty.com/v2/enqueue"
local SEVERITIES = { high = "critical", medium = "error", low = "warning" }
local KNOWN = { critical = true, error = true, warning = true, info = true }

local function links_of(message, words)
  local links, known = {}, {}
  for _, list in ipairs { words.links or {}, message.links or {} } do
    for _, each in ipairs(list) do
      local name, url = pair(each)
      if not known[url] then links[#links + 1] = { text = name, href = url } end
      known[url] = true
    end
  end
  return #links > 0 and links or nil
end

local function trigger(s, message, notification, alert, words)
  local recommended = {}
  for i, each in ipairs(alert.recommendations or {}) do recommended[i] = cut(tostring(each.action), 500) end
  local severity = s.severities and s.severities[alert.severity] or SEVERITIES[alert.severity] or "info"
  return {
    summary = cut_characters(words.title or alert.type, 1024),
    source = cut(alert.target or "moontide", 255),
    severity = severity,
    timestamp = iso(alert.since or notification.at),
    component = alert.key ~= "" and alert.key or nil,
    group = alert.policy, class = alert.type,
    custom_details = {
      description = cut(alert.description or words.text or "", 8000), labels = alert.labels,
      recommendation = cut(alert.recommendation or "", 4000), actions = #recommended > 0 and recommended or nil,
      state = alert.state, silence = message.silence,
    },
  }
end

local function event(s, body)
  local answer = post_json(s.url or API, body)
  local said = accept_json(answer)
  if said.status ~= "success" then fail { text = "pagerduty: " .. tostring(said.message or said.status) } end
end

-- A test opens an incident of the least severity, and ends it.
local function test(s, message, notification)
  local key = "moontide-test-" .. notification.id
  event(s, { routing_key = s.routing_key, event_action = "trigger", dedup_key = key, client = "moontide",
             payload = { summary = cut_characters(message.title, 1024), source = "moontide", severity = "info" } })
  event(s, { routing_key = s.routing_key, event_action = "resolve", dedup_key = key })
  return { answer = "202 accepted, and resolved" }
end

return receiver {
  type = "pagerduty",
  doc = "PagerDuty, by its Events API v2.",
  fields = {
    routing_key = { "string", required = true, secret = true, doc = "of the service's integration" },
    severities = { "table", doc = '{ high = "critical", medium = "error", low = "warning" }' },
    url = { "url", doc = "default " .. API },
  },
  check = function(s)
    for name, value in pairs(s.severities or {}) do
      if not SEVERITIES[name] then return "'severities' has no '" .. tostring(name) .. "': high, medium, low" end
      if not KNOWN[value] then return "'severities': PagerDuty has no '" .. tostring(value) .. "'" end
    end
  end,
  send = function(s, message, notification, state, left)
    if notification.status == "test" then return test(s, message, notification) end
    local words = {}
    for i, alert in ipairs(notification.alerts) do words[alert.id] = message.alerts[i] or {} end
    local count, warning = each_alert(notification, state, left, function(alert)
      if alert.state == "resolved" then
        event(s, { routing_key = s.routing_key, event_action = "resolve", dedup_key = cut(alert.id, 255) })
      else
        event(s, { routing_key = s.routing_key, event_action = "trigger", dedup_key = cut(alert.id, 255),
                   client = "moontide", links = links_of(message, words[alert.id]),
                   payload = trigger(s, message, notification, alert, words[alert.id]) })
      end
    end)
    return { answer = "202 accepted, " .. count .. (count == 1 and " event" or " events"), warning = warning }
  end,
}
