-- ses: a mail by Amazon SES (v2, SendEmail with the whole message). SES gives each mail a Message-ID
-- of its own, by which the next one of the group refers to it.
-- Source: docs.aws.amazon.com/ses, "Header fields", and API_SendEmail.

local mime = require "moontide.mime"

local RECIPIENTS_MAX = 50
-- Status 400, though it passes: a quota of a day, a pause.
local MAY_PASS = { LimitExceededException = true, SendingPausedException = true, TooManyRequestsException = true }

local function id_of_ses(answer, region, fallback)
  if not region or not answer.MessageId then return fallback end
  return "<" .. answer.MessageId .. "@" .. (region == "us-east-1" and "email" or region) .. ".amazonses.com>"
end

return receiver {
  type = "ses",
  doc = "A mail by Amazon SES.",
  fields = {
    region = { "string", doc = "default: the configuration's" },
    account = { "string", doc = "a name of the configuration's accounts" },
    endpoint = { "url", doc = "default: the region's" },
    from = { "string", required = true, doc = "an identity that SES has verified" },
    to = { "list", required = true, doc = "addresses" },
    reply_to = { "string", doc = "an address" },
    configuration_set = { "string", doc = "of SES" },
  },
  check = function(s)
    if #s.to > RECIPIENTS_MAX then return "'to' has at most " .. RECIPIENTS_MAX .. " addresses" end
    return mime.problem(s)
  end,
  send = function(s, message, notification, state)
    local thread = mime.thread(state)
    local data, id = mime.of(message, notification, s, thread)
    local to = {}
    for i, each in ipairs(s.to) do to[i] = mime.address(each).address end
    local client = aws.client("sesv2", { region = s.region, account = s.account, endpoint = s.endpoint })
    local ok, answer = pcall(client.send_email, client, {
      FromEmailAddress = mime.address(s.from).address, Destination = { ToAddresses = to },
      Content = { Raw = { Data = data } }, ConfigurationSetName = s.configuration_set,
    })
    if not ok then
      if type(answer) == "table" and MAY_PASS[answer.code] then fail { text = tostring(answer) } end
      error(answer, 0)
    end
    local last = id_of_ses(answer, s.region, id)
    return { answer = "200 " .. (answer.MessageId or "ok"),
             state = { root = thread and thread.root or last, last = last, over = message.status ~= "firing" } }
  end,
}
