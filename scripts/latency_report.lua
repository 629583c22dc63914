-- latency_report: percentiles by target and path from access logs of an Application Load Balancer.
--
--   moontide script scripts/latency_report.lua [OPTION...] FILE|DIRECTORY...
--
--   --by FIELDS       comma-separated: target, path, elb, status, method, target_group  (target,path)
--   --value TIME      target: of the target alone; total: with the balancer's own times (target)
--   --top N           how many lines, those with the largest p99 first                 (20)
--   --min-count N     groups with fewer requests are left out of the table             (1)
--   --collapse-ids    numbers, UUIDs and hexadecimal ids in paths become :id
--   --help
--
-- Files are plain or gzip, which is known by their content; of a directory, all *.log and *.gz. Lines
-- that are broken and files that end early are counted and named, and the rest is reported.
-- Exit: 0; 1 when something was wrong with the arguments, or no line could be read.

local VALUES = { target = "target_processing_time", total = "total" }
local PERCENTILES = { 50, 90, 99, 99.9 }

local function usage()
  local text = {}
  for line in io.lines(arg[0]) do
    if not line:find("^%-%-") then break end
    text[#text + 1] = line:sub(4)
  end
  return table.concat(text, "\n")
end

local function fail(format, ...)
  io.stderr:write("latency_report: ", format:format(...), "\n")
  os.exit(1)
end

-- ---- arguments ----

local function split(text)
  local list = {}
  for word in text:gmatch("[^,]+") do list[#list + 1] = word end
  return list
end

local function number_of(name, text)
  local n = math.tointeger(tonumber(text))
  if not n or n < 1 then fail("%s: '%s' is no number above 0", name, text) end
  return n
end

local OPTIONS = {
  ["--by"] = function(o, text) o.by = split(text) end,
  ["--top"] = function(o, text) o.top = number_of("--top", text) end,
  ["--min-count"] = function(o, text) o.min_count = number_of("--min-count", text) end,
  ["--value"] = function(o, text)
    o.value = VALUES[text] or fail("--value: '%s' is neither target nor total", text)
  end,
}

local function shell_quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function is_directory(path)
  return (os.execute("test -d " .. shell_quoted(path)))
end

local function add_files(files, path)
  if not is_directory(path) then
    files[#files + 1] = path
    return
  end
  local list <close> = assert(io.popen("find " .. shell_quoted(path)
      .. " -maxdepth 1 -type f \\( -name '*.log' -o -name '*.gz' \\) | LC_ALL=C sort"))
  local before = #files
  for file in list:lines() do files[#files + 1] = file end
  if #files == before then fail("%s: no *.log and no *.gz in it", path) end
end

local function arguments()
  local o = { by = { "target", "path" }, top = 20, min_count = 1, value = VALUES.target, files = {} }
  local i = 1
  while arg[i] do
    local word = arg[i]
    if word == "--help" then
      print(usage())
      os.exit(0)
    elseif word == "--collapse-ids" then
      o.collapse_ids = true
    elseif OPTIONS[word] then
      i = i + 1
      OPTIONS[word](o, arg[i] or fail("%s needs a value", word))
    elseif word:find("^%-") then
      fail("unknown option %s (--help lists them)", word)
    else
      add_files(o.files, word)
    end
    i = i + 1
  end
  if #o.files == 0 then
    io.stderr:write(usage(), "\n")
    os.exit(1)
  end
  return o
end

-- ---- what is printed ----

local function is_terminal(fd)
  return (os.execute("test -t " .. fd))
end

local COLOURED = is_terminal(1) and not os.getenv("NO_COLOR")

local function coloured(code, text)
  return COLOURED and ("\27[%sm%s\27[0m"):format(code, text) or text
end

local function progress_bar(done, total)
  local share = total > 0 and done / total or 1
  local full = math.floor(share * 30)
  io.stderr:write(("\r%s%s %3d %%  %.0f of %.0f MB"):format(("█"):rep(full), ("░"):rep(30 - full),
    math.floor(share * 100), done / 1e6, total / 1e6))
end

local function milliseconds(seconds)
  if not seconds then return "-" end
  local ms = seconds * 1000
  return (ms < 9.995 and "%.2f" or ms < 99.95 and "%.1f" or "%.0f"):format(ms)
end

-- Slower than a second is red, than 300 ms yellow.
local function paint_time(text, seconds)
  if not seconds or seconds < 0.3 then return text end
  return coloured(seconds < 1 and "33" or "31", text)
end

local function label_of(group, by)
  local parts = {}
  for i, name in ipairs(by) do parts[i] = group[name] end
  return (table.concat(parts, "  "):gsub("[^\32-\126]", "?"))
end

local function print_row(label, group, width)
  local cells = { ("%9d"):format(group.count) }
  local errors = ("%7d"):format(group.errors)
  cells[2] = group.errors > 0 and coloured("31", errors) or errors
  for _, key in ipairs { "p50", "p90", "p99", "p99.9", "max" } do
    cells[#cells + 1] = paint_time(("%8s"):format(milliseconds(group[key])), group[key])
  end
  if #label > width then label = label:sub(1, width - 3) .. "..." end
  print(("%-" .. width .. "s %s"):format(label, table.concat(cells, " ")))
end

-- Those whose p99 is among the `top` largest, and their equals: of ten thousand few are printed.
local function with_largest_p99(groups, top)
  if #groups <= top then return groups end
  local values, list = {}, {}
  for i, group in ipairs(groups) do values[i] = group.p99 or -1 end
  table.sort(values)
  local least = values[#values - top + 1]
  for _, group in ipairs(groups) do
    if (group.p99 or -1) >= least then list[#list + 1] = group end
  end
  return list
end

local function print_table(groups, overall, o)
  local shown = {}
  for _, group in ipairs(groups) do
    if group.count >= o.min_count then shown[#shown + 1] = group end
  end
  local count = #shown
  shown = with_largest_p99(shown, o.top)
  table.sort(shown, function(a, b)
    local x, y = a.p99 or -1, b.p99 or -1
    if x ~= y then return x > y end
    if a.count ~= b.count then return a.count > b.count end
    return label_of(a, o.by) < label_of(b, o.by)
  end)
  local width = 12
  for i = 1, math.min(#shown, o.top) do width = math.max(width, #label_of(shown[i], o.by)) end
  width = math.min(width, math.max(20, (tonumber(os.getenv("COLUMNS")) or 120) - 64))
  print(coloured("1", ("%-" .. width .. "s %9s %7s %8s %8s %8s %8s %8s"):format(
    table.concat(o.by, ", "), "count", "5xx", "p50 ms", "p90", "p99", "p99.9", "max")))
  for i = 1, math.min(#shown, o.top) do print_row(label_of(shown[i], o.by), shown[i], width) end
  if count > o.top then print(("... and %d more (--top)"):format(count - o.top)) end
  print_row(coloured("1", "all"), overall, width + (COLOURED and 8 or 0))
end

local function print_plot(overall)
  local values = {}
  for p = 1, 99 do values[p] = overall["p" .. p] and overall["p" .. p] * 1000 end
  if #values == 99 then
    print()
    print(plot.text { values = values, title = "ms at percentile 1 to 99 of all requests", width = 60, height = 8 })
  end
end

local function print_faults(info, o)
  local function say(format, ...) io.stderr:write(coloured("33", format:format(...)), "\n") end
  if info.full then
    say("More groups than are kept: the rest is counted as (other).%s",
      o.collapse_ids and "" or " --collapse-ids may help.")
  end
  if info.broken > 0 then
    say("%d of %d lines are broken, the first:", info.broken, info.lines)
    for _, line in ipairs(info.first_broken) do
      say("  %s:%d: %s: %s", line.file, line.line, line.why, line.text)
    end
  end
  for _, cut in ipairs(info.files_cut) do say("Not read to its end: %s", cut.why) end
end

-- ---- the report ----

local o = arguments()
local ok, scan = pcall(stats.access_log, { files = o.files, by = o.by, value = o.value, collapse_ids = o.collapse_ids })
if not ok then fail("%s", tostring(scan)) end

local drawn = is_terminal(2)
repeat
  local done, total = scan:step()
  if done and drawn then progress_bar(done, total) end
until not done
if drawn then io.stderr:write("\r\27[K") end

local info = scan:info()
local plotted = { table.unpack(PERCENTILES) }
for p = 1, 99 do plotted[#plotted + 1] = p end
local overall = scan:overall(plotted)
if overall.count > 0 then
  print_table(scan:groups(PERCENTILES), overall, o)
  if overall.no_answer > 0 then print(("%d requests got no answer; they have no time."):format(overall.no_answer)) end
  print_plot(overall)
end
print_faults(info, o)
if overall.count == 0 then fail("no line of an access log in %d lines", info.lines) end
