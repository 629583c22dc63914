-- sns: a topic of Amazon SNS: the text, a subject for mail subscriptions, attributes for filters.
-- Limits: 256 KiB with the attributes; a subject of less than 100 ASCII characters that begins with
-- a letter, a digit or punctuation. Source: docs.aws.amazon.com/sns, API_Publish.

local MESSAGE_MAX, SUBJECT_MAX, ROOM = 256 * 1024, 99, 2048 -- room: of the attributes

local function subject_of(message, notification)
  local text = message.title:gsub("[\128-\255]+", " "):gsub("[%c\127%s]+", " "):match("^%s*(.-)%s*$")
  if #text:gsub("[^%w]", "") < 8 then
    text = "moontide: " .. notification.status .. (notification.severity and " (" .. notification.severity .. ")" or "")
  end
  return text:sub(1, SUBJECT_MAX):match("^(.-)%s*$")
end

-- One of a policy's facts, where all alerts of the notification agree.
local function common(notification, name)
  local value
  for _, alert in ipairs(notification.alerts) do
    local said = alert[name]
    if said == nil or value ~= nil and said ~= value then return nil end
    value = said
  end
  return value
end

local function attributes_of(notification)
  local made = {}
  local function put(name, value)
    if type(value) ~= "string" or value == "" or #value > 256 then return end
    made[name] = { DataType = "String", StringValue = value }
  end
  put("status", notification.status)
  put("severity", notification.severity)
  put("policy", common(notification, "policy"))
  put("type", common(notification, "type"))
  for _, name in ipairs { "environment", "service" } do put(name, (notification.group or {})[name]) end
  put("notification_id", notification.id)
  return made
end

return receiver {
  type = "sns",
  doc = "A topic of Amazon SNS.",
  fields = {
    topic_arn = { "string", required = true, doc = "arn:aws:sns:region:account:name" },
    region = { "string", doc = "default: the topic's" },
    account = { "string", doc = "a name of the configuration's accounts" },
    endpoint = { "url", doc = "default: the region's" },
  },
  check = function(s)
    if type(s.topic_arn) == "string" and not s.topic_arn:find("^arn:[%w%-]+:sns:[%w%-]+:%d+:[%w%-_%.]+$") then
      return "'topic_arn' is no ARN of a topic"
    end
  end,
  send = function(s, message, notification)
    local region = s.region or s.topic_arn:match("^arn:[^:]+:sns:([^:]+):")
    local client = aws.client("sns", { region = region, account = s.account, endpoint = s.endpoint })
    local request = {
      TopicArn = s.topic_arn, Subject = subject_of(message, notification),
      Message = cut(message.text ~= "" and message.text or message.title, MESSAGE_MAX - ROOM),
      MessageAttributes = attributes_of(notification),
    }
    if s.topic_arn:find("%.fifo$") then
      request.MessageGroupId = "moontide"
      request.MessageDeduplicationId = notification.id:gsub("[^%w%-_]", "_"):sub(1, 128)
    end
    return { answer = "200 " .. (client:publish(request).MessageId or "ok") }
  end,
}
