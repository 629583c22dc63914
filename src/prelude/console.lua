-- console: what commands see in a console into a running daemon (bind/console.c).
--
-- Answers a function that runs a chunk and echoes its results, and the globals that are looked up anew each time.

local core = ...

local WIDEST, ROWS = 60, 200 -- of a column; of a table that is shown

-- ---- showing ----

local function cut(text, width)
  local n = utf8.len(text)
  if not n or n <= width then return text, n or #text end
  return text:sub(1, utf8.offset(text, width) - 1) .. "…", width
end

-- Rows as lines, a column for each of `names`; those that are empty in every row are left out.
local function columns(rows, names)
  local lines, shown, widths = {}, {}, {}
  for i = 1, math.min(#rows, ROWS) do
    local cells = {}
    for k, name in ipairs(names) do
      local text, width = cut(tostring(rows[i][name] or ""):gsub("%c", " "), WIDEST)
      cells[k] = { text, width }
      widths[k] = math.max(widths[k] or 0, width)
    end
    shown[i] = cells
  end
  local function line(cell)
    local out = {}
    for k in ipairs(names) do
      if (widths[k] or 0) > 0 then
        local text, width = cell(k)
        out[#out + 1] = text .. (" "):rep(math.max(widths[k], #names[k]) - width)
      end
    end
    return (table.concat(out, "  "):gsub("%s+$", ""))
  end
  lines[1] = line(function(k) return names[k], #names[k] end)
  if core.color then lines[1] = "\27[1m" .. lines[1] .. "\27[0m" end
  for i, cells in ipairs(shown) do
    lines[i + 1] = line(function(k) return cells[k][1], cells[k][2] end)
  end
  if #rows > ROWS then lines[#lines + 1] = ("and %d more"):format(#rows - ROWS) end
  return table.concat(lines, "\n")
end

-- A table that looks like itself to Lua, and is shown by `show` when it is echoed.
local function view(value, show) return setmetatable(value, { __show = show }) end

local function echo(...)
  local count = select("#", ...)
  if count == 0 then return end
  local parts = {}
  for i = 1, count do
    local value = (select(i, ...))
    local mark = type(value) == "table" and getmetatable(value)
    local show = type(mark) == "table" and mark.__show
    parts[i] = show and show(value) or core.pretty(value)
  end
  core.write(table.concat(parts, "\t") .. "\n")
end

function print(...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = tostring(parts[i]) end
  core.write(table.concat(parts, "\t") .. "\n")
end

-- ---- the live state ----

local function clock(text) return text and text:sub(12, 19) or "" end

local function policies()
  return view(core.policies(), function(all)
    local rows = {}
    for _, p in pairs(all) do
      rows[#rows + 1] = { name = p.name, mode = p.mode, every = p.every, targets = p.targets, last = clock(p.last),
        next = clock(p.next), ticks = p.ticks, ms = ("%.1f"):format(p.evaluation_us / 1000),
        memory = ("%d KiB"):format(p.memory_bytes // 1024), sha256 = p.sha256:sub(1, 8), fault = p.fault }
    end
    if #rows == 0 then return "no policies" end
    return columns(rows, { "name", "mode", "every", "targets", "last", "next", "ticks", "ms", "memory", "sha256", "fault" })
  end)
end

local function each_target(policy, each)
  local from = 1
  while true do
    local page = core.targets(policy, from)
    for _, row in ipairs(page) do each(row) end
    if #page == 0 then return end
    from = from + #page
  end
end

local function raised(row)
  local types = {}
  for _, alert in ipairs(row.alerts) do types[#types + 1] = alert.type .. (alert.state == "firing" and "" or " (" .. alert.state .. ")") end
  return table.concat(types, ", ")
end

function targets(policy)
  local rows = {}
  each_target(policy, function(row) rows[#rows + 1] = row end)
  return view(rows, function(all)
    if #all == 0 then return "no targets" end
    local lines = {}
    for i, row in ipairs(all) do lines[i] = { target = row.target, status = row.status, alerts = raised(row) } end
    return columns(lines, { "target", "status", "alerts" })
  end)
end

-- Of one policy, or of all.
function alerts(policy)
  local rows = {}
  local function add(name)
    each_target(name, function(row)
      for _, alert in ipairs(row.alerts) do
        alert.policy, alert.target = name, row.target
        rows[#rows + 1] = alert
      end
    end)
  end
  if policy then
    add(policy)
  else
    for name in pairs(core.policies()) do add(name) end
  end
  return view(rows, function(all)
    if #all == 0 then return "no alerts" end
    return columns(all, { "severity", "state", "type", "key", "policy", "target", "since", "description" })
  end)
end

local function no_target(policy, target)
  error(("the policy '%s' has no target '%s'"):format(policy, tostring(target)), 0)
end

function memo(policy, target)
  return core.memo(policy, target) or no_target(policy, target)
end

function series(policy, target)
  local all = core.series(policy, target) or no_target(policy, target)
  return view(all, function(handles)
    local rows = {}
    for name, handle in pairs(handles) do
      local value, at = handle:at(-1)
      local what, unit = core.describe(handle)
      rows[#rows + 1] = { name = name, last = value and plot.label(value, unit) or "-", at = at and time.iso(at),
        points = handle:len(), metric = what }
    end
    if #rows == 0 then return "no series" end
    return columns(rows, { "name", "last", "at", "points", "metric" })
  end)
end

function decisions()
  return view(core.decisions(), function(all)
    if #all == 0 then return "no decisions since the daemon began" end
    return columns(all, { "at", "policy", "target", "kind", "resource", "outcome", "reason", "times", "text" })
  end)
end

function status() return core.status() end

-- ---- what waits, and what changes something ----

-- trace(policy, target): each evaluation as it happens, until Ctrl-C; trace(policy, { target = ..., count = n })
function trace(policy, options)
  if not policy then return end -- trace(false): nothing is traced between two commands
  if type(options) ~= "table" then options = { target = options } end
  core.trace(policy, options.target, options.count)
end

function reload()
  local result = core.act("reload")
  return view(result, function(r)
    local lines = { ("%d policies, %d loaded, %d removed"):format(r.policies, r.loaded, r.removed) }
    for _, fault in ipairs(r.faults) do lines[#lines + 1] = fault end
    return table.concat(lines, "\n")
  end)
end

tick = {}

function tick.now(policy)
  local result = core.act("tick", policy)
  return view(result, function(r)
    local count = ("%d critical, %d warning, %d unknown, %d healthy"):format(r.critical, r.warning, r.unknown, r.healthy)
    return ("%s%s: %s"):format(policy or "all policies", r.failed and " (failed)" or "", count)
  end)
end

function pause(what, reason)
  if not reason then what, reason = nil, what end -- pause("why") holds everything
  return core.act("pause", what, reason)
end

function resume(what) return core.act("resume", what) end

---@diagnostic disable-next-line: duplicate-set-field
function plot.svg() error("plot.svg writes a file, and a console has none: plot.svg_text(data) is its text", 0) end

-- help(): what there is here; help(x): what x is, as in the REPL.
function help(...)
  if select("#", ...) > 0 then
    core.help(...)
    core.write("\n")
    return
  end
  local lines = { "policies", "    The policies by name, as they are now." }
  for _, entry in ipairs(core.overview()) do
    lines[#lines + 1] = entry[1] .. entry[2]
    lines[#lines + 1] = "    " .. entry[3]
  end
  lines[#lines + 1] = "config, stats, json, time, plot, log and Lua's harmless part are here too; help(x) tells of each."
  core.write(table.concat(lines, "\n") .. "\n")
end

-- The daemon's log is the daemon's: a console that only reads does not write there.
if not core.write_allowed then
  for name, f in pairs(log) do
    if type(f) == "function" then
      log[name] = function()
        error("READ_ONLY: log." .. name .. " writes to the daemon's log; attach with --write to let it", 0)
      end
    end
  end
end

-- ---- the globals ----

local live = { policies = policies } -- looked up anew each time

local function run(chunk)
  core.turn()
  echo(chunk())
end

return run, live
