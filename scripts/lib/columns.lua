-- lib.columns: rows of text as an aligned table, for a terminal.
--
--   columns.print({ "name", "cpu>" }, { { "api", "35 %" }, { "worker", { "91 %", "red" } } })
--
-- A heading that ends in ">" makes its column right-aligned. A cell is text, or { text, colour }; colours show only
-- on a terminal that has them.

local columns = {}

local TONES = { red = "31", yellow = "33", green = "32", grey = "90", bold = "1" }

-- The columns that a character takes: wide ones of East Asia two. Source: Unicode Standard Annex #11, the blocks
-- that are wide as a whole.
local function width_of(text)
  if not utf8.len(text) then return #text end
  local width = 0
  for _, c in utf8.codes(text) do
    local wide = c >= 0x1100 and (c <= 0x115f or c >= 0x2e80 and c <= 0xa4cf or c >= 0xac00 and c <= 0xd7a3 or
      c >= 0xf900 and c <= 0xfaff or c >= 0xfe30 and c <= 0xfe6f or c >= 0xff00 and c <= 0xff60 or
      c >= 0x1f300 and c <= 0x1faff)
    width = width + (wide and 2 or 1)
  end
  return width
end

local function split(cell)
  if type(cell) == "table" then return tostring(cell[1]), TONES[cell[2]] end
  return cell == nil and "" or tostring(cell), nil
end

local function line_of(cells, widths, right, color)
  local out = {}
  for i = 1, #widths do
    local text, tone = split(cells[i])
    local blanks = (" "):rep(widths[i] - width_of(text))
    local painted = color and tone and "\27[" .. tone .. "m" .. text .. "\27[0m" or text
    out[i] = right[i] and blanks .. painted or painted .. blanks
  end
  return (table.concat(out, "  "):gsub(" +$", ""))
end

function columns.print(headings, rows)
  local color = plot.terminal().color
  local widths, right, first = {}, {}, {}
  for i, heading in ipairs(headings) do
    right[i] = heading:sub(-1) == ">"
    heading = right[i] and heading:sub(1, -2) or heading
    first[i] = { heading, "grey" }
    widths[i] = width_of(heading)
    for _, row in ipairs(rows) do widths[i] = math.max(widths[i], width_of((split(row[i])))) end
  end
  print(line_of(first, widths, right, color))
  for _, row in ipairs(rows) do print(line_of(row, widths, right, color)) end
end

return columns
