-- discord: a webhook of a channel; an embed an alert.
--
-- Limits: 2,000 characters of content, 10 embeds, of each 256 of title and 4,096 of description, 6,000 of
-- all together. Source: discord.com/developers/docs/resources/message, "Embed Limits".

local CONTENT_MAX, EMBEDS_MAX, TITLE_MAX, DESCRIPTION_MAX, ALL_MAX = 2000, 10, 256, 4096, 5900

local function color_of(message)
  return tonumber((message.color or ""):match("^#(%x%x%x%x%x%x)$") or "808080", 16)
end

local function description_of(alert)
  local lines = {}
  if alert.text and alert.text ~= "" then lines[1] = cut_characters(escape_markdown(alert.text), 2500) end
  if alert.spark and alert.spark ~= "" then lines[#lines + 1] = "`" .. alert.spark .. "`" end
  for _, fact in ipairs(alert.facts or {}) do
    local name, value = pair(fact)
    lines[#lines + 1] = escape_markdown(name) .. ": **" .. escape_markdown(cut(value, 200)) .. "**"
  end
  for _, line in ipairs(advice_of(alert, escape_markdown)) do lines[#lines + 1] = line end
  for _, each in ipairs(alert.links or {}) do
    local name, url = pair(each)
    lines[#lines + 1] = "[" .. escape_markdown(name) .. "](" .. url:gsub("[()%s]", "") .. ")"
  end
  return table.concat(lines, "\n")
end

local function body_of(message)
  local alerts, embeds = message.alerts or {}, {}
  local count = math.min(#alerts, EMBEDS_MAX)
  local share = count > 0 and ALL_MAX // count or 0
  for i = 1, count do
    local title = cut_characters(alerts[i].title, math.min(TITLE_MAX, share // 3))
    embeds[i] = {
      title = title, color = color_of(message),
      description = cut_characters(description_of(alerts[i]), math.min(DESCRIPTION_MAX, share - utf8.len(title, 1, -1, true))),
    }
  end
  if count == 0 then
    embeds[1] = { color = color_of(message), description = cut_characters(escape_markdown(message.text or message.title), DESCRIPTION_MAX) }
  end
  local more = (message.more or 0) + #alerts - count
  local content = "**" .. escape_markdown(cut(message.title, 1000)) .. "**" .. (more > 0 and " (+" .. more .. ")" or "")
  for _, each in ipairs(count == 0 and message.links or {}) do
    local _, url = pair(each)
    if #content + #url < CONTENT_MAX - 4 then content = content .. "\n<" .. url .. ">" end
  end
  return { content = cut_characters(content, CONTENT_MAX), embeds = embeds, allowed_mentions = { parse = json.array {} } }
end

return receiver {
  type = "discord",
  doc = "Discord, by a webhook of a channel.",
  fields = {
    webhook_url = { "url", required = true, secret = true, doc = "of the channel" },
    username = { "string", doc = "who it is from" },
  },
  send = function(s, message)
    local body = body_of(message)
    body.username = s.username
    local answer = post_json(s.webhook_url, body)
    if answer.status == 429 then
      local ok, said = pcall(json.decode, answer.body)
      local wait = ok and type(said) == "table" and tonumber(said.retry_after)
      if wait then fail { text = "429 rate limited", retry_after = wait } end
    end
    accept(answer)
    return { answer = answer.status .. " ok" }
  end,
}
