-- plot_text: a picture as text for a terminal: lines in braille dots, or in ASCII where it must be, and bars.
--
-- A cell shows, by rank: a mark, a line, the band behind. Where there is colour each line has its own; without,
-- the first is in dots and the others have a sign of their own each, so that they can be told apart.

local axes, shape = ...
local text = {}

local floor, min, max, rep = math.floor, math.min, math.max, string.rep

-- The bit of a braille cell's dot, by row and column. Source: Unicode, block Braille Patterns.
local DOTS <const> = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } }
local SIGNS <const> = { "*", "+", "o", "#", "%", "@", "=", "&" }
local MARK <const> = "X"
-- SGR: cyan, yellow, magenta, green, blue, and their bright ones; red is for marks, and for nothing else.
local TONES <const> = { "36", "33", "35", "32", "34", "96", "93", "95" }
local MARK_TONE <const>, BAND_TONE <const> = "1;31", "90"

local STYLES = {
  utf8 = { side = "│", tick = "┤", corner = "└", line = "─", below = "┬", band = "░", bar = "█",
           parts = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" } },
  ascii = { side = "|", tick = "+", corner = "+", line = "-", below = "+", band = ".", bar = "#" },
}

-- ---- a grid of cells ----

local function grid_new(columns, rows, style)
  local grid = { columns = columns, rows = rows, style = style, bits = {}, signs = {}, tones = {}, behind = {} }
  for row = 1, rows do
    grid.bits[row], grid.signs[row], grid.tones[row], grid.behind[row] = {}, {}, {}, {}
  end
  return grid
end

-- x, y: dots from the top left, two columns and four rows a cell; sign: in place of dots, or nil.
local function dot(grid, x, y, sign, tone)
  local row, column = y // 4 + 1, x // 2 + 1
  if row < 1 or row > grid.rows or column < 1 or column > grid.columns then return end
  if sign then
    grid.signs[row][column] = sign
  else
    grid.bits[row][column] = (grid.bits[row][column] or 0) | DOTS[y % 4 + 1][x % 2 + 1]
  end
  grid.tones[row][column] = tone
end

local function to_dots(grid, share_x, share_y)
  return floor(max(-1, min(2, share_x)) * (grid.columns * 2 - 1) + 0.5),
    floor((1 - max(-1, min(2, share_y))) * (grid.rows * 4 - 1) + 0.5)
end

local function draw_piece(grid, piece, sign, tone)
  local x0, y0 = to_dots(grid, piece[1][1], piece[1][2])
  dot(grid, x0, y0, sign, tone)
  for i = 2, #piece do
    local x1, y1 = to_dots(grid, piece[i][1], piece[i][2])
    local steps = max(math.abs(x1 - x0), math.abs(y1 - y0))
    for step = 1, steps do
      local share = step / steps
      dot(grid, floor(x0 + (x1 - x0) * share + 0.5), floor(y0 + (y1 - y0) * share + 0.5), sign, tone)
    end
    x0, y0 = x1, y1
  end
end

-- Cells whose middle is inside the band.
local function draw_band(grid, piece)
  local at = 1
  for column = 1, grid.columns do
    local x = (column - 0.5) / grid.columns
    while at < #piece and piece[at + 1][1] <= x do at = at + 1 end
    local a, b = piece[at], piece[at + 1] or piece[at]
    if x >= piece[1][1] - 0.5 / grid.columns and x <= piece[#piece][1] + 0.5 / grid.columns then
      local share = b[1] > a[1] and max(0, min(1, (x - a[1]) / (b[1] - a[1]))) or 0
      local low, high = a[2] + (b[2] - a[2]) * share, a[3] + (b[3] - a[3]) * share
      for row = 1, grid.rows do
        local middle = 1 - (row - 0.5) / grid.rows
        if middle >= low and middle <= high then grid.behind[row][column] = true end
      end
    end
  end
end

local function cell(grid, row, column)
  local sign, bits = grid.signs[row][column], grid.bits[row][column]
  if sign then return sign, grid.tones[row][column] end
  if bits then return utf8.char(0x2800 + bits), grid.tones[row][column] end
  if grid.behind[row][column] then return grid.style.band, BAND_TONE end
  return " ", nil
end

-- One row as text; without what is empty at its end.
local function grid_row(grid, row, color)
  local out, tone, filled = {}, nil, 0
  for column = grid.columns, 1, -1 do
    if cell(grid, row, column) ~= " " then
      filled = column
      break
    end
  end
  for column = 1, filled do
    local sign, wanted = cell(grid, row, column)
    if color and sign ~= " " and wanted ~= tone then
      out[#out + 1] = (tone and "\27[0m" or "") .. (wanted and "\27[" .. wanted .. "m" or "")
      tone = wanted
    end
    out[#out + 1] = sign
  end
  if tone then out[#out + 1] = "\27[0m" end
  return table.concat(out)
end

-- ---- around the grid ----

local function width_of(s) return utf8.len(s) or #s end

local function right(s, width) return rep(" ", width - width_of(s)) .. s end

local function clip(s, width)
  if width_of(s) <= width then return s end
  return s:sub(1, (utf8.offset(s, width + 1) or width + 1) - 1)
end

local function without_colors(s) return (s:gsub("\27%[[%d;]*m", "")) end

-- Adds the parts to the lines, side by side where they fit.
local function flow(lines, parts, margin, width)
  local line, used = rep(" ", margin), margin
  for i, part in ipairs(parts) do
    local wide = width_of(without_colors(part))
    if used > margin and used + 3 + wide > width then
      lines[#lines + 1] = line
      line, used = rep(" ", margin), margin
    end
    local between = used > margin and "   " or ""
    line, used = line .. between .. part, used + #between + wide
    if i == #parts then lines[#lines + 1] = line end
  end
end

-- The rows of the ticks' labels: row -> label. Where two meet, the first has it.
local function tick_rows(axis, rows)
  local found = {}
  for _, tick in ipairs(axis.ticks) do
    local share = axes.share(axis, tick[1])
    local row = floor((1 - share) * (rows * 4 - 1) + 0.5) // 4 + 1
    if row >= 1 and row <= rows and not found[row] then found[row] = tick[2] end
  end
  return found
end

-- The line under the grid and the labels under it, as two texts.
local function x_lines(axis, columns, style)
  local line, labels, free = {}, "", 0
  for i = 1, columns do line[i] = style.line end
  for _, tick in ipairs(axis.ticks) do
    local column = floor(axes.share(axis, tick[1]) * (columns * 2 - 1) + 0.5) // 2
    local width = width_of(tick[2])
    local from = max(0, min(columns - width, column - width // 2))
    if column >= 0 and column < columns and from >= free then
      line[column + 1] = style.below
      labels = labels .. rep(" ", from - width_of(labels)) .. tick[2]
      free = from + width + 1
    end
  end
  return table.concat(line), labels
end

local function paint(s, tone, color)
  if not color then return s end
  return "\27[" .. tone .. "m" .. s .. "\27[0m"
end

-- What a line is drawn with: a sign (nil: dots) and a tone.
local function look_of(o, i)
  local tone = TONES[(i - 1) % #TONES + 1]
  if o.ascii or not o.color and i > 1 then return SIGNS[(i - 1) % #SIGNS + 1], tone end
  return nil, tone
end

local function legend_of(picture, style)
  local o, parts = picture.options, {}
  local named, marked, banded = #picture.series > 1, false, false
  for _, line in ipairs(picture.series) do
    marked = marked or #line.marks > 0
    banded = banded or line.band ~= nil
    named = named or line.label ~= nil and line.label ~= o.title
  end
  for i, line in ipairs(named and picture.series or {}) do
    local sign, tone = look_of(o, i)
    parts[#parts + 1] = paint(sign or "⠒⠒", tone, o.color) .. " " .. (line.label or tostring(i))
  end
  if banded then parts[#parts + 1] = paint(style.band, BAND_TONE, o.color) .. " expected" end
  if marked then parts[#parts + 1] = paint(MARK, MARK_TONE, o.color) .. " marked" end
  return o.legend == false and {} or parts
end

local function draw_all(grid, picture, x_axis, y_axis)
  for i, line in ipairs(picture.series) do
    if line.band then
      for _, piece in ipairs(shape.bands(line, x_axis, y_axis, grid.columns)) do draw_band(grid, piece) end
    end
    local sign, tone = look_of(picture.options, i)
    for _, piece in ipairs(shape.pieces(line, line.y, x_axis, y_axis, grid.columns * 2)) do
      draw_piece(grid, piece, sign, tone)
    end
  end
  for _, line in ipairs(picture.series) do
    for _, mark in ipairs(line.marks) do
      local x, y = to_dots(grid, axes.share(x_axis, mark[1]), axes.share(y_axis, mark[2]))
      dot(grid, x, y, MARK, MARK_TONE)
    end
  end
end

-- options: width, height, ascii, color and those of the axes, all known by now.
function text.lines(picture)
  local o = picture.options
  local style = o.ascii and STYLES.ascii or STYLES.utf8
  local x_axis, y_axis = shape.axes(picture, max(2, o.width // 12), max(1, min(8, o.height // 2)))
  if not x_axis then return (o.title and o.title .. ": " or "") .. "no datapoints" end
  local indent = x_axis.time and 3 or 1 -- of "UTC"
  for _, tick in ipairs(y_axis.ticks) do indent = max(indent, width_of(tick[2])) end
  local columns = max(4, o.width - indent - 2)
  local grid = grid_new(columns, o.height, style)
  draw_all(grid, picture, x_axis, y_axis)
  local lines, labels, margin = {}, tick_rows(y_axis, o.height), rep(" ", indent + 2)
  if o.title then lines[1] = margin .. clip(o.title, columns) end
  flow(lines, legend_of(picture, style), #margin, o.width)
  for row = 1, o.height do
    lines[#lines + 1] = right(labels[row] or "", indent) .. " " .. (labels[row] and style.tick or style.side) ..
      grid_row(grid, row, o.color)
  end
  local below, names = x_lines(x_axis, columns, style)
  lines[#lines + 1] = rep(" ", indent + 1) .. style.corner .. below
  lines[#lines + 1] = (right(x_axis.time and "UTC" or "", indent) .. "  " .. names):gsub(" +$", "")
  return table.concat(lines, "\n")
end

-- ---- bars ----

local function bar(share, width, style)
  local eighths = floor(share * width * 8 + 0.5)
  local whole, rest = eighths // 8, eighths % 8
  if not style.parts then return rep(style.bar, share > 0 and max(1, floor(share * width + 0.5)) or 0) end
  if share > 0 and eighths == 0 then rest = 1 end
  return rep(style.bar, whole) .. (style.parts[rest] or "")
end

function text.bars(picture)
  local o, bins, lines = picture.options, picture.bins, {}
  if #bins == 0 then return (o.title and o.title .. ": " or "") .. "no datapoints" end
  local style = o.ascii and STYLES.ascii or STYLES.utf8
  local indent, most, digits = width_of(bins[#bins].to), 1, 0
  for _, bin in ipairs(bins) do
    indent, most = max(indent, width_of(bin.from)), max(most, bin.count)
    digits = max(digits, #("%d"):format(bin.count))
  end
  local columns = max(4, o.width - indent - digits - 3)
  if o.title then lines[1] = rep(" ", indent + 2) .. clip(o.title, columns) end
  for _, bin in ipairs(bins) do
    local drawn = bar(bin.count / most, columns, style)
    lines[#lines + 1] = right(bin.from, indent) .. " " .. style.tick ..
      (bin.count > 0 and ("%s %d"):format(paint(drawn, TONES[1], o.color), bin.count) or "")
  end
  lines[#lines + 1] = right(bins[#bins].to, indent) .. " " .. style.corner
  flow(lines, picture.facts, indent + 2, o.width)
  return table.concat(lines, "\n")
end

-- ---- one line ----

local BLOCKS <const> = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local LEVELS <const> = { "_", ".", "-", "=", "+", "*", "#", "@" }

-- Each column is the mean of its share of the datapoints; a gap is a blank.
function text.spark(picture)
  local o, line = picture.options, picture.series[1]
  local columns = o.width and min(floor(o.width), line.count) or line.count
  local means, low, high = {}, nil, nil
  for column = 1, columns do
    local sum, count = 0, 0
    for i = (column - 1) * line.count // columns + 1, column * line.count // columns do
      local v = line.y[i]
      if v == v then sum, count = sum + v, count + 1 end
    end
    means[column] = count > 0 and sum / count or false
    if count > 0 then
      low, high = min(low or means[column], means[column]), max(high or means[column], means[column])
    end
  end
  low, high = o.min or low, o.max or high
  local levels, out = o.ascii and LEVELS or BLOCKS, {}
  for column, mean in ipairs(means) do
    local share = mean and (high > low and max(0, min(1, (mean - low) / (high - low))) or 0.5)
    out[column] = mean and levels[floor(share * (#levels - 1) + 0.5) + 1] or " "
  end
  return table.concat(out)
end

return text
