-- teams: a card to a webhook of Microsoft Teams: a workflow's ("When a Teams webhook request is
-- received"), or an older connector's.
--
-- A message has at most 28 KB. Source: learn.microsoft.com, "Create Incoming Webhooks".

local BYTES_MAX = 27000
local TONES = { high = "Attention", medium = "Warning", low = "Accent" }

local function block(text, more)
  local made = { type = "TextBlock", text = text, wrap = true }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

local function escape(text) return (tostring(text):gsub("[\\*_%[%]]", "\\%0"):gsub("\n", "\n\n")) end

local function add_alert(body, alert, text_max)
  body[#body + 1] = block(escape(cut(alert.title, 300)), { weight = "Bolder", separator = true })
  if alert.text and alert.text ~= "" then body[#body + 1] = block(escape(cut(alert.text, text_max))) end
  if alert.spark and alert.spark ~= "" then body[#body + 1] = block(alert.spark, { fontType = "Monospace" }) end
  local facts = {}
  for _, fact in ipairs(alert.facts or {}) do
    local name, value = pair(fact)
    if #facts < 12 then facts[#facts + 1] = { title = cut(name, 60), value = escape(cut(value, 200)) } end
  end
  if #facts > 0 then body[#body + 1] = { type = "FactSet", facts = facts } end
  local advice = advice_of(alert, escape)
  if #advice > 0 then body[#body + 1] = block(cut(table.concat(advice, "\n\n"), text_max)) end
end

local function card(message, text_max, count)
  local tone = message.status == "resolved" and "Good" or TONES[message.severity] or "Default"
  local body = { block(escape(cut(message.title, 500)), { size = "Medium", weight = "Bolder", color = tone, style = "heading" }) }
  local alerts = message.alerts or {}
  for i = 1, math.min(count, #alerts) do add_alert(body, alerts[i], text_max) end
  if #alerts == 0 then body[2] = block(escape(cut(message.text or "", text_max))) end
  local more = (message.more or 0) + math.max(0, #alerts - count)
  if more > 0 then body[#body + 1] = block("… +" .. more) end
  if message.silence then body[#body + 1] = block(cut(message.silence, 500), { fontType = "Monospace", isSubtle = true }) end
  local actions = {}
  for _, each in ipairs(message.links or {}) do
    local name, url = pair(each)
    if #actions < 6 then actions[#actions + 1] = { type = "Action.OpenUrl", title = cut(name, 60), url = url } end
  end
  return json.encode {
    type = "message",
    attachments = { {
      contentType = "application/vnd.microsoft.card.adaptive",
      content = {
        ["$schema"] = "http://adaptivecards.io/schemas/adaptive-card.json", type = "AdaptiveCard", version = "1.4",
        msteams = { width = "Full" }, body = body, actions = #actions > 0 and actions or nil,
      },
    } },
  }
end

local function fitting(message)
  local count = math.max(1, #(message.alerts or {}))
  local body
  for _, text_max in ipairs { 4000, 1000, 300 } do
    body = card(message, text_max, count)
    if #body <= BYTES_MAX then return body end
  end
  while #body > BYTES_MAX and count > 1 do
    count = count // 2
    body = card(message, 300, count)
  end
  return body
end

return receiver {
  type = "teams",
  doc = "Microsoft Teams, by the webhook of a workflow.",
  fields = {
    webhook_url = { "url", required = true, secret = true, doc = "of the workflow" },
  },
  send = function(s, message)
    local answer = http.request { method = "POST", url = s.webhook_url, body = fitting(message), timeout = 20,
                                  headers = { ["content-type"] = "application/json; charset=utf-8" },
                                  max_bytes = 1024 * 1024 }
    local said = accept(answer)
    -- A connector says 200 also to what it could not pass on.
    local inner = said:match("HTTP error (%d+)") or said:match("ErrorCode") and "" or nil
    if inner then fail { text = "200, but not delivered: " .. (inner ~= "" and inner or "an error of Teams") } end
    return { answer = answer.status .. (answer.status == 202 and " accepted" or " ok") }
  end,
}
