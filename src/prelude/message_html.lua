-- message_html: a message as the body of a mail: one complete document with inline styles only, and nothing that
-- would have to be loaded.
--
-- Colours are said twice: for every mail program, and as light-dark() for those that know it and follow the reader's
-- choice (CSS Color 5). Both are readable: the card has a background of its own.

local clean = require "moontide.message_clean"
local html = {}

local esc = clean.html

local function shade(property, light, dark)
  return ("%s:%s;%s:light-dark(%s,%s)"):format(property, light, property, light, dark)
end

local PAGE <const> = shade("background-color", "#f3f4f6", "#0d1117")
local CARD <const> = shade("background-color", "#ffffff", "#161b22")
local INK <const> = shade("color", "#1f2328", "#e6edf3")
local MUTED <const> = shade("color", "#59636e", "#9ea7b3")
local LINK <const> = shade("color", "#0969da", "#58a6ff")
local EDGE <const> = shade("border-color", "#d1d9e0", "#30363d")
local BOX <const> = shade("background-color", "#f6f8fa", "#0d1117")
local FONT <const> = "font-family:-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Apple SD Gothic Neo',"
  .. "'Malgun Gothic','Noto Sans KR',sans-serif"
local MONO <const> = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"

local TABLE <const> = '<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%"'

-- Text that somebody wrote: its own direction, its own lines.
local function written(s) return (esc(s):gsub("\n", "<br>")) end

local function head(out, words)
  out[#out + 1] = '<div style="margin:20px 0 6px;font-size:12px;line-height:16px;font-weight:600;letter-spacing:.02em;'
    .. MUTED .. '">' .. esc(words) .. "</div>"
end

local function badge(words, color)
  return ('<span style="display:inline-block;padding:2px 10px;border-radius:10px;background-color:%s;color:#ffffff;'
          .. 'font-size:12px;line-height:18px;font-weight:600">%s</span>'):format(color, esc(words))
end

local function facts(out, list)
  if #list == 0 then return end
  out[#out + 1] = TABLE .. ' style="margin-top:12px;border-collapse:collapse">'
  for _, fact in ipairs(list) do
    out[#out + 1] = ('<tr><td valign="top" style="padding:3px 16px 3px 0;white-space:nowrap;font-size:13px;'
      .. 'line-height:20px;%s">%s</td><td dir="auto" width="100%%" style="padding:3px 0;font-size:13px;line-height:20px;'
      .. 'overflow-wrap:anywhere;%s">%s</td></tr>'):format(MUTED, esc(fact[1]), INK, esc(fact[2]))
  end
  out[#out + 1] = "</table>"
end

-- ---- datapoints ----

local SMALL <const> = "font-size:11px;line-height:14px;" .. MUTED

local function value_labels(plot)
  local parts, row = {}, plot.height // #plot.labels
  for i, label in ipairs(plot.labels) do
    parts[i] = ('<tr><td align="right" valign="middle" style="height:%dpx;padding:0 6px 0 0;white-space:nowrap;%s">'
      .. '%s</td></tr>'):format(row, SMALL, esc(label))
  end
  return '<table role="presentation" cellpadding="0" cellspacing="0" border="0" height="' .. plot.height .. '">'
    .. table.concat(parts) .. "</table>"
end

local function plot_table(out, plot)
  out[#out + 1] = TABLE .. ' style="margin-top:6px;border-collapse:collapse"><tr><td width="1" valign="top">'
    .. value_labels(plot) .. '</td><td valign="top">' .. plot.svg .. "</td></tr>"
  if plot.times then
    out[#out + 1] = "<tr><td></td><td>" .. TABLE .. "><tr>"
    for i, align in ipairs { "left", "center", "right" } do
      out[#out + 1] = ('<td align="%s" style="padding-top:3px;%s">%s</td>')
        :format(align, SMALL, esc(plot.times[i]))
    end
    out[#out + 1] = "</tr></table></td></tr>"
  end
  out[#out + 1] = "</table>"
end

local function datapoints(out, made)
  for i, s in ipairs(made.series) do
    -- The blocks are for mail programs that drop the plot.
    out[#out + 1] = ('<div style="margin-top:14px;font-size:13px;line-height:20px;%s"><b dir="auto">%s</b> '
      .. '<span style="color:#2f81d7;white-space:nowrap;font-size:9px">%s</span> <span style="%s">%s</span></div>')
      :format(INK, esc(s.name), s.short_spark, MUTED, esc(s.words))
    if made.plots[i] then plot_table(out, made.plots[i]) end
  end
end

-- ---- one alert ----

local function list_of(out, items)
  out[#out + 1] = '<ul style="margin:0;padding-left:20px">'
  for _, item in ipairs(items) do
    out[#out + 1] = ('<li style="margin:4px 0;font-size:14px;line-height:21px;%s"><span dir="auto">%s</span>%s</li>')
      :format(INK, written(item[1]),
              item[2] and ' <span style="' .. MUTED .. '">(' .. esc(item[2]) .. ")</span>" or "")
  end
  out[#out + 1] = "</ul>"
end

local function links(out, list)
  local parts = {}
  for i, link in ipairs(list) do
    parts[i] = ('<a href="%s" style="%s;font-size:14px;line-height:22px">%s</a>')
      :format(esc(link.url), LINK, esc(link.name))
  end
  out[#out + 1] = '<div dir="auto">' .. table.concat(parts, ' <span style="' .. MUTED .. '">·</span> ') .. "</div>"
end

local function suggestions(out, made, say)
  if made.recommendation then
    head(out, say.recommendation)
    out[#out + 1] = '<div dir="auto" style="font-size:14px;line-height:21px;overflow-wrap:anywhere;' .. INK .. '">'
      .. written(made.recommendation) .. "</div>"
  end
  if #made.actions > 0 then
    local items = {}
    for i, action in ipairs(made.actions) do items[i] = { action.text, action.cost } end
    head(out, say.actions)
    list_of(out, items)
  end
  if #made.decisions > 0 then
    local items = {}
    for i, decision in ipairs(made.decisions) do items[i] = { decision.text } end
    head(out, say.decisions)
    list_of(out, items)
  end
end

local function silence(out, made, say)
  if not made.silence then return end
  head(out, say.silence)
  out[#out + 1] = ('<div dir="ltr" style="padding:8px 10px;border:1px solid;border-radius:6px;font-size:12px;'
    .. 'line-height:18px;overflow-wrap:anywhere;%s;%s;%s;%s">%s</div>'):format(MONO, BOX, EDGE, INK, esc(made.silence))
end

local function alert(out, made, say, color, alone)
  out[#out + 1] = ('<tr><td style="padding:24px 28px;border-top:1px solid;%s;%s">'):format(EDGE, INK)
  out[#out + 1] = badge(made.state == "resolved" and made.state_words or say.severity[made.severity], color)
  if not alone then
    out[#out + 1] = ('<h2 dir="auto" style="margin:10px 0 0;font-size:17px;line-height:24px;font-weight:600;'
      .. 'overflow-wrap:anywhere;%s">%s</h2>'):format(INK, esc(made.title))
  end
  if made.text ~= "" then
    out[#out + 1] = '<div dir="auto" style="margin-top:8px;font-size:14px;line-height:21px;overflow-wrap:anywhere;'
      .. INK .. '">' .. written(made.text) .. "</div>"
  end
  datapoints(out, made)
  facts(out, made.facts)
  suggestions(out, made, say)
  if #made.links > 0 then
    head(out, say.links)
    links(out, made.links)
  end
  silence(out, made, say)
  out[#out + 1] = "</td></tr>"
end

-- ---- the document ----

-- What an inbox shows beside the subject; the blanks keep what stands behind it out of there.
local function preheader(words)
  return '<div style="display:none;max-height:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px">' .. esc(words)
    .. ("&#8199;&#847; "):rep(40) .. "</div>"
end

function html.render(message, say, color_of)
  local out = {
    ('<!DOCTYPE html>\n<html lang="%s" style="color-scheme:light dark"><head><meta charset="utf-8">'
      .. '<meta name="viewport" content="width=device-width,initial-scale=1">'
      .. '<meta name="color-scheme" content="light dark">'
      .. '<meta name="supported-color-schemes" content="light dark"><title>%s</title></head>')
      :format(say.code, esc(message.title)),
    ('<body style="margin:0;padding:0;word-break:%s;%s;%s;%s">') -- Korean breaks between words, not syllables
      :format(say.code == "ko" and "keep-all" or "normal", PAGE, INK, FONT), preheader(message.summary),
    TABLE .. ' style="' .. PAGE .. '"><tr><td align="center" style="padding:24px 8px">',
    TABLE .. (' style="max-width:640px;border:1px solid;border-radius:10px;border-collapse:separate;overflow:hidden;'
      .. '%s;%s;%s">'):format(CARD, EDGE, FONT),
    ('<tr><td style="height:6px;line-height:6px;font-size:0;background-color:%s">&nbsp;</td></tr>')
      :format(message.color),
    ('<tr><td style="padding:22px 28px"><h1 dir="auto" style="margin:0;font-size:20px;line-height:28px;font-weight:600;'
      .. 'overflow-wrap:anywhere;%s">%s</h1>'):format(INK, esc(message.title)),
  }
  if message.intro then
    out[#out + 1] = '<div dir="auto" style="margin-top:8px;font-size:14px;line-height:21px;' .. MUTED .. '">'
      .. written(message.intro) .. "</div>"
  end
  out[#out + 1] = "</td></tr>"
  for _, made in ipairs(message.alerts) do alert(out, made, say, color_of(made), message.alone) end
  if message.more > 0 then
    out[#out + 1] = ('<tr><td style="padding:16px 28px;border-top:1px solid;font-size:14px;line-height:21px;%s;%s">'
      .. '%s</td></tr>'):format(EDGE, MUTED, esc(say.more(message.more)))
  end
  out[#out + 1] = ('<tr><td style="padding:14px 28px;border-top:1px solid;font-size:12px;line-height:18px;%s;%s">'
    .. '%s</td></tr>'):format(EDGE, MUTED, esc(message.footer))
  out[#out + 1] = "</table></td></tr></table></body></html>\n"
  return table.concat(out)
end

return html
