-- Renders as the courier does. Arguments: the notification's JSON, the language, a template's text or nil, its chunk
-- name, and options as JSON or nil. Answers title, text, markdown, html, warning, and the parts as JSON.
local notification, language, template, file, more = ...
local options = more and json.decode(more) or {}
options.language, options.template, options.template_file = language, template, file
local message, warning = require "moontide.messages".render(json.decode(notification), options)
return message.title, message.text, message.markdown, message.html, warning, json.encode {
  status = message.status, severity = message.severity, color = message.color, summary = message.summary,
  silence = message.silence, alerts = #message.alerts, more = message.more,
  spark = message.alerts[1] and message.alerts[1].spark, actions = message.alerts[1] and message.alerts[1].actions,
}
