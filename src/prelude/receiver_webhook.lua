-- webhook: any service that takes JSON: the notification and its words in one request, or one request
-- an alert with a body of the operator's own, as Opsgenie's API wants it.
--
-- With `secret` the body is signed: x-moontide-signature: t=<epoch seconds>,v1=<HMAC-SHA256 of
-- "t.body" in hex>. idempotency-key is the same however often a notification is tried.

local METHODS = { "POST", "PUT", "PATCH" }

local function words_of(message)
  return { title = message.title, summary = message.summary, text = message.text, markdown = message.markdown,
           color = message.color }
end

local function request(s, url, value, id, method)
  local body = json.encode(value)
  local headers = { ["content-type"] = "application/json; charset=utf-8" }
  for name, text in pairs(s.headers or {}) do headers[name:lower()] = text end
  headers["idempotency-key"] = id
  if s.secret then
    local t = string.format("%d", time.now() // 1)
    headers["x-moontide-signature"] = "t=" .. t .. ",v1=" .. hmac(s.secret, t .. "." .. body)
  end
  if s.username then headers.authorization = "Basic " .. base64(s.username .. ":" .. (s.password or "")) end
  local answer = http.request { method = method or s.method or "POST", url = url, body = body, headers = headers,
                                timeout = s.timeout or 15, max_bytes = 1024 * 1024 }
  accept(answer)
  return answer
end

-- "{title}" in the texts of a body, and of an address, where it is encoded.
local function filled(value, words, encode)
  if type(value) == "string" then
    return (value:gsub("{([%w_]+)}", function(name)
      local word = words[name]
      if word == nil then return nil end
      word = tostring(word)
      return encode and word:gsub("[^%w%-%._~]", function(c) return string.format("%%%02X", c:byte()) end) or word
    end))
  end
  if type(value) ~= "table" then return value end
  local made = {}
  for key, each in pairs(value) do made[key] = filled(each, words, encode) end
  if #made > 0 then return json.array(made) end
  return made
end

local PRIORITIES = { high = "P1", medium = "P3", low = "P5" }

local function alert_words(notification, alert, words)
  return {
    id = alert.id, policy = alert.policy, target = alert.target, type = alert.type, key = alert.key,
    severity = alert.severity, state = alert.state, since = iso(alert.since or notification.at),
    priority = PRIORITIES[alert.severity] or "P3", title = words.title, text = words.text,
    description = alert.description or "", recommendation = alert.recommendation or "",
  }
end

local function send_each(s, message, notification, state, left)
  local nth = {}
  if notification.status == "test" and #notification.alerts == 0 then
    notification.alerts[1] = { id = notification.id, policy = "test", type = "test", target = "moontide", key = "",
                               severity = "low", state = "firing" }
    message.alerts[1] = { title = message.title, text = message.text }
  end
  for i, alert in ipairs(notification.alerts) do nth[alert.id] = i end
  local count, warning = each_alert(notification, state, left, function(alert)
    local words = alert_words(notification, alert, message.alerts[nth[alert.id]] or {})
    local resolved = alert.state == "resolved"
    local url = resolved and s.resolve_url or s.url
    local body = resolved and s.resolve_body or s.body or words
    request(s, filled(url, words, true), filled(body, words), notification.id .. "-" .. nth[alert.id])
  end)
  return { answer = count .. " alerts", warning = warning }
end

return receiver {
  type = "webhook",
  doc = "A POST of JSON to any address, signed where a secret is given.",
  fields = {
    url = { "url", required = true, secret = true, doc = "where it goes" },
    method = { "string", choices = METHODS, doc = 'default "POST"' },
    headers = { "table", secret = true, doc = "by name: their values are secrets" },
    secret = { "string", secret = true, doc = "of the signature" },
    username = { "string", doc = "of basic authentication" },
    password = { "string", secret = true },
    timeout = { "duration", doc = "of the request; default 15 s" },
    per_alert = { "boolean", doc = "one request an alert" },
    body = { "table", doc = 'with per_alert: what is sent, "{title}" and the like filled in' },
    resolve_url = { "url", secret = true, doc = "with per_alert: where an alert goes that is over" },
    resolve_body = { "table", doc = "with per_alert: what is sent then" },
  },
  check = function(s)
    for _, name in ipairs { "body", "resolve_url", "resolve_body" } do
      if s[name] and not s.per_alert then return "'" .. name .. "' needs per_alert = true" end
    end
    if s.timeout and time.duration(s.timeout) > 40 then return "'timeout' is at most 40 s" end
    for name, value in pairs(s.headers or {}) do
      if type(name) ~= "string" or name:find("[^%w%-_]") then return "'headers' has a name that is none" end
      if type(value) == "string" and value:find("[%c]") then return "header '" .. name .. "' contains a line break" end
    end
  end,
  send = function(s, message, notification, state, left)
    if s.per_alert then return send_each(s, message, notification, state, left) end
    local value = {}
    for name, each in pairs(notification) do value[name] = each end
    value.message = words_of(message)
    local answer = request(s, s.url, value, notification.id)
    return { answer = answer.status .. " " .. (answer.status == 202 and "accepted" or "ok") }
  end,
}
