-- slack: an incoming webhook; or, with a bot's token, chat.postMessage: the first message of a group is
-- edited as things change, and each change is a reply in its thread.
--
-- Limits: 40,000 characters of text, 50 blocks, 3,000 of a section. Source: docs.slack.dev,
-- reference/methods/chat.postMessage and reference/block-kit/blocks.

local API = "https://slack.com/api/chat.postMessage"
local TEXT_MAX, BLOCKS_MAX, SECTION_MAX = 40000, 50, 3000
-- Those that may pass; what else Slack says, it will say again.
local MAY_PASS = { ratelimited = true, rate_limited = true, service_unavailable = true, internal_error = true,
                   fatal_error = true, request_timeout = true, accesslimited = true, team_added_to_org = true }
-- The message that was to be edited is out of reach.
local GONE = { message_not_found = true, cant_update_message = true, edit_window_closed = true,
               thread_not_found = true, is_inactive = true, cannot_reply_to_message = true }

local function escape(text) return (tostring(text):gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })) end

local function section(text) return { type = "section", text = { type = "mrkdwn", text = cut_characters(text, SECTION_MAX) } } end

local function link(each)
  local name, url = pair(each)
  return "<" .. escape(url):gsub("|", "%%7C") .. "|" .. escape(name):gsub("|", "/") .. ">"
end

local function alert_text(alert)
  local lines = { "*" .. escape(alert.title) .. "*" }
  if alert.text and alert.text ~= "" then lines[#lines + 1] = cut_characters(escape(alert.text), 1800) end
  if alert.spark and alert.spark ~= "" then lines[#lines + 1] = "`" .. escape(alert.spark) .. "`" end
  local facts = {}
  for _, fact in ipairs(alert.facts or {}) do
    local name, value = pair(fact)
    facts[#facts + 1] = escape(name) .. ": *" .. cut(escape(value), 200) .. "*"
  end
  if #facts > 0 then lines[#lines + 1] = table.concat(facts, "  ") end
  for _, line in ipairs(advice_of(alert, escape)) do lines[#lines + 1] = line end
  local links = {}
  for _, each in ipairs(alert.links or {}) do links[#links + 1] = link(each) end
  if #links > 0 then lines[#lines + 1] = table.concat(links, "  ") end
  return table.concat(lines, "\n")
end

local function body_of(message, mention)
  local blocks = {}
  for _, alert in ipairs(message.alerts or {}) do
    if #blocks < BLOCKS_MAX - 2 then blocks[#blocks + 1] = section(alert_text(alert)) end
  end
  if #blocks == 0 then blocks[1] = section(escape(message.text or message.title)) end
  local more = (message.more or 0) + math.max(0, #(message.alerts or {}) - #blocks)
  if more > 0 then blocks[#blocks + 1] = section("… +" .. more) end
  local foot = {}
  if #(message.alerts or {}) == 0 then
    for _, each in ipairs(message.links or {}) do foot[#foot + 1] = link(each) end
  end
  if message.silence then foot[#foot + 1] = "`" .. escape(message.silence) .. "`" end
  if #foot > 0 then
    blocks[#blocks + 1] = { type = "context", elements = { { type = "mrkdwn",
                              text = cut_characters(table.concat(foot, "  "), SECTION_MAX) } } }
  end
  local title = "*" .. escape(message.title) .. "*"
  if mention and message.status == "firing" then title = mention .. " " .. title end
  return { text = cut_characters(title, TEXT_MAX),
           attachments = { { color = message.color, fallback = cut_characters(escape(message.title), 300), blocks = blocks } },
           unfurl_links = false, unfurl_media = false }
end

local function dress(s, body)
  body.username, body.icon_emoji = s.username, s.icon_emoji
  return body
end

local function by_webhook(s, message)
  local body = dress(s, body_of(message, s.mention))
  body.channel = s.channel
  local said = accept(post_json(s.webhook_url, body))
  if said:match("^%s*(.-)%s*$") ~= "ok" then fail { text = "200 without the ok of Slack" } end
  return { answer = "200 ok" }
end

local function call(s, method, body)
  local url = (s.url or API):gsub("chat%.postMessage$", method)
  local answer = post_json(url, body, { authorization = "Bearer " .. s.token })
  local said = accept_json(answer)
  if said.ok ~= true then
    local name = tostring(said.error or "unknown_error")
    fail { text = "slack: " .. name, permanent = not MAY_PASS[name], code = name,
           retry_after = MAY_PASS[name] and tonumber(answer.headers["retry-after"]) or nil }
  end
  return said
end

-- For apps that read along: which notification it is, the same however often it was tried. Source: docs.slack.dev,
-- messaging/message-metadata.
local function marked(body, notification)
  body.metadata = { event_type = "moontide_alert",
                    event_payload = { id = notification.id, status = notification.status, at = notification.at } }
  return body
end

local function post(s, message, notification)
  local body = marked(dress(s, body_of(message, s.mention)), notification)
  body.channel = s.channel
  local said = call(s, "chat.postMessage", body)
  return { answer = "200 ok", state = { channel = said.channel or s.channel, ts = said.ts,
                                        over = message.status ~= "firing" } }
end

local function edit(s, message, notification, state)
  local body = body_of(message)
  body.channel, body.ts = state.channel, state.ts
  call(s, "chat.update", body)
  local reply = marked(dress(s, body_of(message, s.mention)), notification)
  reply.channel, reply.thread_ts = state.channel, state.ts
  if s.broadcast and message.status == "firing" then reply.reply_broadcast = true end
  call(s, "chat.postMessage", reply)
  return { answer = "200 ok, edited", state = { channel = state.channel, ts = state.ts,
                                                over = message.status ~= "firing" } }
end

return receiver {
  type = "slack",
  doc = "Slack, by an incoming webhook or by a bot's token and a channel.",
  fields = {
    webhook_url = { "url", secret = true, doc = "of an incoming webhook" },
    token = { "string", secret = true, doc = "of a bot with chat:write" },
    channel = { "string", doc = "with token: its id, or #name" },
    broadcast = { "boolean", doc = "with token: replies are shown in the channel too" },
    mention = { "string", doc = 'before what fires, as Slack writes it: "<!here>"' },
    username = { "string", doc = "who it is from" },
    icon_emoji = { "string", doc = '":ocean:"' },
    url = { "url", doc = "of chat.postMessage; default " .. API },
  },
  check = function(s)
    if not s.webhook_url and not s.token then return "'webhook_url', or 'token' and 'channel', is missing" end
    if s.webhook_url and s.token then return "'webhook_url' and 'token' are two ways: only one is taken" end
    if s.token and not s.channel then return "'channel' is missing (where the bot of 'token' writes)" end
  end,
  send = function(s, message, notification, state)
    if s.webhook_url then return by_webhook(s, message) end
    if not state or not state.ts or state.over or notification.status == "test" then return post(s, message, notification) end
    local ok, result = pcall(edit, s, message, notification, state)
    if ok then return result end
    if type(result) == "table" and GONE[result.code] then return post(s, message, notification) end
    error(result, 0)
  end,
}
