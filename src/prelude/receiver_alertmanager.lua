-- alertmanager: Prometheus Alertmanager, API v2. It does its own grouping and telling.
--
-- It takes an alert for over when its endsAt has come, so one that fires is given a while (`valid`), which
-- each repeat renews. Its labels are its identity: they are made of what an alert that is over still
-- has, and a change of severity ends the one of the severity before.
-- Source: github.com/prometheus/alertmanager, api/v2/openapi.yaml.

local VALID_S = 5 * 3600 -- longer than repeat_interval

local function label_name(name)
  name = name:gsub("[^%w_]", "_")
  return name:find("^%d") and "_" .. name or name
end

local OWN = { policy = true, type = true, severity = true, key = true, target = true, alertname = true }

local function labels_of(alert, severity, extra)
  local labels = { alertname = alert.type, policy = alert.policy, target = alert.target, severity = severity }
  if alert.key and alert.key ~= "" then labels.key = alert.key end
  for name, value in (alert.target or ""):gmatch("([^=,]+)=([^,]+)") do
    labels[label_name(OWN[name] and "target_" .. name or name)] = value
  end
  for name, value in pairs(extra or {}) do labels[label_name(name)] = tostring(value) end
  for name, value in pairs(labels) do labels[name] = cut(value, 1000) end
  return labels
end

local function annotations_of(alert, words)
  local made = {}
  local function add(name, text)
    if text and text ~= "" then made[name] = cut(text, 8000) end
  end
  add("summary", words.title)
  add("description", alert.description)
  add("recommendation", alert.recommendation)
  return made
end

local function generator_of(message, words)
  for _, list in ipairs { words.links or {}, message.links or {} } do
    for _, each in ipairs(list) do
      local _, url = pair(each)
      if url:find("^https?://") then return url end
    end
  end
end

local function entry(s, alert, severity, words, message, starts, ends)
  return { labels = labels_of(alert, severity, s.labels), annotations = annotations_of(alert, words),
           startsAt = iso(starts), endsAt = iso(ends), generatorURL = generator_of(message, words) }
end

local function entries_of(s, message, notification, before)
  local list, now = {}, time.now() * 1000
  local until_ms = now + time.duration(s.valid or VALID_S) * 1000
  local severities = {}
  for id, severity in pairs(before) do severities[id] = severity end
  for i, alert in ipairs(notification.alerts) do
    local words, since = message.alerts[i] or {}, alert.since or notification.at
    local over, was = alert.state == "resolved", before[alert.id]
    local ends = over and (alert.resolved_at or notification.at) or until_ms
    if ends <= since then ends = since + 1000 end -- it refuses what ends before it starts
    list[#list + 1] = entry(s, alert, alert.severity, words, message, since, ends)
    if was and was ~= alert.severity then
      list[#list + 1] = entry(s, alert, was, words, message, since, math.max(notification.at, since + 1000))
    end
    severities[alert.id] = not over and alert.severity or nil
  end
  if notification.status == "test" and #list == 0 then
    list[1] = { labels = { alertname = "moontide_test" }, annotations = { summary = message.title },
                startsAt = iso(now), endsAt = iso(now + 60000) }
  end
  return json.array(list), severities
end

return receiver {
  type = "alertmanager",
  doc = "Prometheus Alertmanager, by its API v2.",
  fields = {
    url = { "url", required = true, doc = 'where it is: "http://alertmanager:9093"' },
    valid = { "duration", doc = "how long an alert fires without being repeated; default 5 h" },
    labels = { "table", doc = "added to every alert" },
    username = { "string", doc = "of basic authentication" },
    password = { "string", secret = true },
    token = { "string", secret = true, doc = "of bearer authentication" },
  },
  check = function(s)
    if s.token and s.username then return "'token' and 'username' are two ways: only one is taken" end
    for name, value in pairs(s.labels or {}) do
      if type(name) ~= "string" or type(value) == "table" then return "'labels' is a table of texts by name" end
    end
  end,
  send = function(s, message, notification, state)
    local list, severities = entries_of(s, message, notification, state and state.severities or {})
    local headers = {}
    if s.token then headers.authorization = "Bearer " .. s.token end
    if s.username then headers.authorization = "Basic " .. base64(s.username .. ":" .. (s.password or "")) end
    local url = s.url:gsub("/+$", "")
    if not url:find("/api/v2/alerts$") then url = url .. "/api/v2/alerts" end
    local answer = post_json(url, list, headers)
    accept(answer)
    local more = notification.more or 0
    return {
      answer = answer.status .. " ok", state = { severities = severities },
      warning = more > 0 and more .. ' alerts are not listed in this notification, and were not sent: group_by { "..." }'
        or nil,
    }
  end,
}
