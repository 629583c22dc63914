-- Renders a notification from a file to HTML: moontide script messages.lua PRELUDE NOTIFICATION LANGUAGE OUT
local prelude, notification, language, out = table.unpack(arg)
for _, name in ipairs { "messages", "messages_en", "messages_ko", "message_clean", "message_values",
                        "message_alert", "message_text", "message_html" } do
  package.preload["moontide." .. name] = assert(loadfile(prelude .. "/" .. name .. ".lua"))
end
local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end
local message = require "moontide.messages".render(json.decode(read(notification)), { language = language })
local file <close> = assert(io.open(out, "w"))
file:write(message.html)
