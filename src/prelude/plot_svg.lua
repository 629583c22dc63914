-- plot_svg: a picture as one standalone SVG: no script, no font, no link. It follows the reader's light or dark
-- colours (prefers-color-scheme); who knows neither, as most mail programs, gets dark on white.
--
-- Lengths are the viewBox' units, written to a tenth, so that equal input gives equal bytes.

local axes, shape = ...
local svg = {}

local floor, max, min = math.floor, math.max, math.min

-- Okabe and Ito, "Color Universal Design": told apart by people who do not see all colours; on white and on black.
local COLORS <const> = { "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00" }
local MARK_COLOR <const> = "#d62728"
local FONT_WIDTH <const> = 6.6 -- of a digit at 11 units, in the widest of the usual fonts

local STYLE = [[<style>
.p{font:11px system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
.p .b{fill:#fff}.p text{fill:#333}.p .t{font-size:13px;font-weight:600}
.p .g{stroke:#e3e3e3;stroke-width:1}.p .a{stroke:#888;stroke-width:1}
.p .l{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
.p .e{stroke-dasharray:4 3;stroke-width:1;opacity:.8}
.p .m{fill:none;stroke:]] .. MARK_COLOR .. [[;stroke-width:2}
@media (prefers-color-scheme:dark){.p .b{fill:#16181c}.p text{fill:#d4d4d4}.p .g{stroke:#2e3238}
.p .c1{stroke:#4da3e0}.p .f1{fill:#4da3e0}.p .a{stroke:#7c8088}}
</style>]]

-- Attributes and text; control characters have no place in XML 1.0 (section 2.2), nor has what is no UTF-8.
local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local function escape(s)
  s = tostring(s)
  if not utf8.len(s) then s = s:gsub("[\x80-\xff]", "?") end
  s = s:gsub("\xef\xbf[\xbe\xbf]", "?")
  return (s:gsub("[%z\1-\8\11\12\14-\31]", "?"):gsub("[&<>\"']", ENTITIES))
end

local function length(v)
  local text = ("%.1f"):format(v)
  return (text:gsub("%.0$", ""):gsub("^%-0$", "0"))
end

local function element(out, format, ...)
  local values = { ... }
  for i, v in ipairs(values) do values[i] = type(v) == "number" and length(v) or v end
  out[#out + 1] = format:format(table.unpack(values))
end

local function width_of(s) return (utf8.len(s) or #s) * FONT_WIDTH end

-- ---- frame ----

local function open(out, o, kind)
  element(out, '<svg xmlns="http://www.w3.org/2000/svg" class="p" role="img" viewBox="0 0 %s %s" width="%s" height="%s">',
          o.width, o.height, o.width, o.height)
  out[#out + 1] = "<title>" .. escape(o.title or kind) .. "</title>"
  out[#out + 1] = STYLE
  -- The plain attributes are for readers that drop <style>.
  element(out, '<rect class="b" width="%s" height="%s" rx="6" fill="#fff"/>', o.width, o.height)
  if o.title then element(out, '<text class="t" x="12" y="20">%s</text>', escape(o.title)) end
end

local function nothing(out, o)
  element(out, '<text x="%s" y="%s" text-anchor="middle">no datapoints</text>', o.width / 2, o.height / 2)
  out[#out + 1] = "</svg>"
  return table.concat(out, "\n") .. "\n"
end

-- The room of the plot itself: left, top, width, height.
local function box_of(o, y_axis, legend_rows)
  local left = 0
  for _, tick in ipairs(y_axis.ticks) do left = max(left, width_of(tick[2])) end
  left = left + 20
  local top = 12 + (o.title and 18 or 0) + legend_rows * 18
  return { left = left, top = top, width = o.width - left - 16, height = o.height - top - 28 }
end

local function at(box, share_x, share_y) return box.left + share_x * box.width, box.top + (1 - share_y) * box.height end

local function grid(out, box, x_axis, y_axis)
  for _, tick in ipairs(y_axis.ticks) do
    local _, y = at(box, 0, axes.share(y_axis, tick[1]))
    element(out, '<path class="g" d="M%s %sH%s" stroke="#e3e3e3"/>', box.left, y, box.left + box.width)
    element(out, '<text x="%s" y="%s" text-anchor="end">%s</text>', box.left - 7, y + 4, escape(tick[2]))
  end
  local free = 0
  for _, tick in ipairs(x_axis.ticks) do
    local x = at(box, axes.share(x_axis, tick[1]), 0)
    local half = width_of(tick[2]) / 2
    x = max(half + 2, x)
    if x - half >= free then
      element(out, '<path class="a" d="M%s %sv4" stroke="#888"/>', x, box.top + box.height)
      local within = min(x, box.left + box.width + 14 - half)
      element(out, '<text x="%s" y="%s" text-anchor="middle">%s</text>', within, box.top + box.height + 17,
              escape(tick[2]))
      free = x + half + 6
    end
  end
  element(out, '<path class="a" d="M%s %sH%s" stroke="#888"/>', box.left, box.top + box.height, box.left + box.width)
  if x_axis.time then element(out, '<text x="6" y="%s" opacity=".7">UTC</text>', box.top + box.height + 17) end
end

-- ---- legend ----

local function legend_items(picture)
  local o, items = picture.options, {}
  local named, band, marked = #picture.series > 1, nil, false
  for i, line in ipairs(picture.series) do
    named = named or line.label ~= nil and line.label ~= o.title
    band = band or line.band and i
    marked = marked or #line.marks > 0
  end
  for i, line in ipairs(named and picture.series or {}) do
    items[i] = { line.label or tostring(i), COLORS[(i - 1) % #COLORS + 1], "line", i }
  end
  if band then items[#items + 1] = { "expected", COLORS[(band - 1) % #COLORS + 1], "band" } end
  if marked then items[#items + 1] = { "marked", MARK_COLOR, "mark" } end
  if o.legend == false then return {} end
  local x, row = 14, 1 -- from left to right, in as many rows as it takes
  for _, item in ipairs(items) do
    local width = width_of(item[1]) + 38
    if x > 14 and x + width > o.width then x, row = 14, row + 1 end
    item.x, item.row, x = x, row, x + width
  end
  items.rows = #items > 0 and row or 0
  return items
end

local function legend(out, items, top)
  for _, item in ipairs(items) do
    local y = top + (item.row - 1) * 18 + 10
    if item[3] == "band" then
      element(out, '<rect x="%s" y="%s" width="16" height="9" fill="%s" opacity=".18"/>', item.x, y - 4, item[2])
    elseif item[3] == "mark" then
      element(out, '<circle class="m" cx="%s" cy="%s" r="4" fill="none" stroke="%s"/>', item.x + 8, y, item[2])
    else
      element(out, '<path class="l c%s" d="M%s %sh16" stroke="%s" fill="none"/>', item[4], item.x, y, item[2])
    end
    element(out, '<text x="%s" y="%s">%s</text>', item.x + 22, y + 4, escape(item[1]))
  end
end

-- ---- lines ----

local function path_of(box, piece)
  local parts = {}
  for i, point in ipairs(piece) do
    local x, y = at(box, point[1], max(-1, min(2, point[2])))
    parts[i] = (i == 1 and "M" or i == 2 and "L" or " ") .. length(x) .. " " .. length(y)
  end
  if #piece == 1 then parts[2] = "h.01" end -- a dot, by its round ends
  return table.concat(parts)
end

local function draw_band(out, box, line, color, x_axis, y_axis)
  for _, piece in ipairs(shape.bands(line, x_axis, y_axis, floor(box.width))) do
    local parts = {}
    for i, point in ipairs(piece) do
      local x, y = at(box, point[1], max(0, min(1, point[3])))
      parts[#parts + 1] = (i == 1 and "M" or "L") .. length(x) .. " " .. length(y)
    end
    for i = #piece, 1, -1 do
      local x, y = at(box, piece[i][1], max(0, min(1, piece[i][2])))
      parts[#parts + 1] = "L" .. length(x) .. " " .. length(y)
    end
    element(out, '<path d="%sZ" fill="%s" opacity=".18"/>', table.concat(parts), color)
  end
  if not line.band.expected then return end
  for _, piece in ipairs(shape.pieces(line, line.band.expected, x_axis, y_axis, floor(box.width))) do
    element(out, '<path class="l e" d="%s" stroke="%s" fill="none" stroke-dasharray="4 3"/>', path_of(box, piece),
            color)
  end
end

local function draw_marks(out, box, line, x_axis, y_axis, unit)
  for _, mark in ipairs(line.marks) do
    local x, y = at(box, axes.share(x_axis, mark[1]), axes.share(y_axis, mark[2]))
    local when = line.times and os.date("!%Y-%m-%d %H:%M:%S UTC", floor(mark[1])) or length(mark[1])
    element(out, '<circle class="m" cx="%s" cy="%s" r="4.5" fill="none" stroke="%s"><title>%s</title></circle>', x, y,
            MARK_COLOR, escape(when .. ": " .. axes.label(mark[2], unit)))
  end
end

function svg.lines(picture)
  local o, out = picture.options, {}
  local x_axis, y_axis = shape.axes(picture, max(2, o.width // 90), max(2, min(8, o.height // 45)))
  open(out, o, "a plot")
  if not x_axis then return nothing(out, o) end
  local items = legend_items(picture)
  local box = box_of(o, y_axis, items.rows or 0)
  grid(out, box, x_axis, y_axis)
  element(out, '<clipPath id="c"><rect x="%s" y="%s" width="%s" height="%s"/></clipPath><g clip-path="url(#c)">',
          box.left - 1, box.top - 2, box.width + 2, box.height + 4)
  for i, line in ipairs(picture.series) do
    local color = COLORS[(i - 1) % #COLORS + 1]
    if line.band then draw_band(out, box, line, color, x_axis, y_axis) end
    for _, piece in ipairs(shape.pieces(line, line.y, x_axis, y_axis, floor(box.width))) do
      element(out, '<path class="l c%s" d="%s" stroke="%s" fill="none"/>', i, path_of(box, piece), color)
    end
  end
  out[#out + 1] = "</g>"
  for _, line in ipairs(picture.series) do draw_marks(out, box, line, x_axis, y_axis, o.unit) end
  legend(out, items, box.top - (items.rows or 0) * 18 - 4)
  out[#out + 1] = "</svg>"
  return table.concat(out, "\n") .. "\n"
end

-- ---- bars ----

local function bin_axis(bins, box)
  local axis, every = { low = 0, high = #bins, ticks = {} }, 1
  while #bins / every * 64 > box.width do every = every + 1 end
  for i = 0, #bins, every do axis.ticks[#axis.ticks + 1] = { i, i < #bins and bins[i + 1].from or bins[#bins].to } end
  return axis
end

function svg.bars(picture)
  local o, bins, out, most = picture.options, picture.bins, {}, 0
  open(out, o, "a histogram")
  for _, bin in ipairs(bins) do most = max(most, bin.count) end
  if most == 0 then return nothing(out, o) end
  local y_axis = axes.values({ min = 0, unit = "count" }, 0, most, max(2, min(8, o.height // 45)))
  local box = box_of(o, y_axis, 1)
  grid(out, box, bin_axis(bins, box), y_axis)
  for i, bin in ipairs(bins) do
    local x, y = at(box, (i - 1) / #bins, axes.share(y_axis, bin.count))
    if bin.count > 0 then
      element(out, '<rect class="f1" x="%s" y="%s" width="%s" height="%s" fill="%s"><title>%s</title></rect>',
              x + 0.5, y, box.width / #bins - 1, box.top + box.height - y, COLORS[1],
              escape(("%s to %s: %d"):format(bin.from, bin.to, bin.count)))
    end
  end
  element(out, '<text x="14" y="%s">%s</text>', box.top - 8, escape(table.concat(picture.facts, " \u{b7} ")))
  out[#out + 1] = "</svg>"
  return table.concat(out, "\n") .. "\n"
end

return svg
