-- message_text: a message as plain text, and as Slack's mrkdwn. Lines are as long as they are: nothing is wrapped.

local clean = require "moontide.message_clean"
local text = {}

local PLAIN = {
  escape = function(s) return s end,
  strong = function(s) return s end,
  code = function(s) return s end,
  link = function(link) return link.name .. ": " .. link.url end,
  bullet = "- ",
}
local SLACK = {
  escape = clean.slack,
  strong = function(s) return "*" .. clean.slack(s):gsub("%*", "∗") .. "*" end,
  code = function(s) return "`" .. clean.slack(s):gsub("`", "'") .. "`" end,
  link = function(link) return "<" .. clean.slack(link.url) .. "|" .. clean.slack(link.name):gsub("|", "¦") .. ">" end,
  bullet = "• ",
}

local function section(out, form, name, items)
  if #items == 0 then return end
  out[#out + 1] = form.strong(name)
  for _, item in ipairs(items) do out[#out + 1] = form.bullet .. form.escape(item):gsub("\n", "\n  ") end
end

local function actions_of(made)
  local items = {}
  for i, action in ipairs(made.actions) do
    items[i] = action.text .. (action.cost and " (" .. action.cost .. ")" or "")
  end
  return items
end

local function alert(out, form, made, say, alone)
  local badge = made.state == "resolved" and made.state_words or say.severity[made.severity]
  if not alone then out[#out + 1] = form.strong("[" .. badge .. "] " .. made.title) end
  if made.text ~= "" then out[#out + 1] = form.escape(made.text) end
  for _, s in ipairs(made.series) do
    local name = s.name ~= "" and form.escape(s.name) .. "  " or ""
    out[#out + 1] = name .. (s.spark ~= "" and s.spark .. "  " or "") .. form.escape(s.words)
  end
  for _, fact in ipairs(made.facts) do out[#out + 1] = form.escape(fact[1] .. ": " .. fact[2]) end
  section(out, form, say.recommendation, { made.recommendation })
  section(out, form, say.actions, actions_of(made))
  local decisions = {}
  for i, decision in ipairs(made.decisions) do decisions[i] = decision.text end
  section(out, form, say.decisions, decisions)
  for _, link in ipairs(made.links) do out[#out + 1] = form.link(link) end
  if made.silence then out[#out + 1] = form.escape(say.silence .. ": ") .. form.code(made.silence) end
end

local function render(message, say, form)
  local out = { form.strong(message.title) }
  if message.intro then out[#out + 1] = form.escape(message.intro) end
  for _, made in ipairs(message.alerts) do
    out[#out + 1] = ""
    alert(out, form, made, say, message.alone)
  end
  if message.more > 0 then
    out[#out + 1] = ""
    out[#out + 1] = form.escape(say.more(message.more))
  end
  return table.concat(out, "\n")
end

function text.plain(message, say) return render(message, say, PLAIN) end
function text.slack(message, say) return render(message, say, SLACK) end

return text
