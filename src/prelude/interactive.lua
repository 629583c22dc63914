-- interactive: what measures a call that may wait, for a person at a prompt.
--
--   time(f, ...)      prints the time that f(...) took, and answers what it does
--   profile(f, ...)   the same, line by line
--
-- f is a function, or the text of one expression or more statements.

local core = ...

local function as_function(f, name)
  if type(f) == "string" then
    local compiled, problem = load("return " .. f, "=" .. name)
    if not compiled then compiled, problem = load(f, "=" .. name) end
    if not compiled then error(problem, 3) end
    return compiled
  end
  if type(f) ~= "function" then error(name .. ": a function, or text, was expected, not a " .. type(f), 3) end
  return f
end

-- 1.23 s, 45.6 ms, 789 us
local function duration(seconds)
  if seconds >= 1 then return ("%.2f s"):format(seconds) end
  if seconds >= 1e-3 then return ("%.1f ms"):format(seconds * 1e3) end
  return ("%.0f us"):format(seconds * 1e6)
end

local function timed(_, f, ...)
  f = as_function(f, "time")
  local wall, cpu = core.clocks()
  local results = table.pack(f(...))
  local wall_end, cpu_end = core.clocks()
  core.show(("took %s, CPU %s"):format(duration(wall_end - wall), duration(cpu_end - cpu)))
  return table.unpack(results, 1, results.n)
end

local function profile(f, ...)
  f = as_function(f, "profile")
  local guard <close> = core.begin()
  local wall, cpu = core.clocks()
  local results = table.pack(f(...))
  local wall_end, cpu_end = core.clocks()
  core.finish(guard)
  core.show(("took %s, CPU %s\n%s"):format(duration(wall_end - wall), duration(cpu_end - cpu), core.report(guard)))
  return table.unpack(results, 1, results.n)
end

setmetatable(time --[[@as table]], { __call = timed })

-- ---- pictures of what is echoed ----

local PICTURE_ROWS <const> = 8

-- A field of a userdata, which may refuse unknown names.
local function can(value, name)
  local ok, found = pcall(function() return value[name] end)
  return ok and type(found) == "function"
end

local function is_answer(value)
  return type(value) == "table" and type(rawget(value, "values")) == "table" and rawget(value, "times") ~= nil
end

-- An answer of cloudwatch.fetch: one, or all of them by their names.
local function is_drawn(value)
  if type(value) == "userdata" then return can(value, "values") or can(value, "buckets") end
  if type(value) ~= "table" or getmetatable(value) then return false end
  if is_answer(value) then return true end
  for _, each in next, value do
    if not is_answer(each) then return false end
  end
  return next(value) ~= nil
end

local function drawn(value)
  if not is_drawn(value) then return nil end
  local ok, picture = pcall(plot.text, value, { height = PICTURE_ROWS, color = plot.terminal().color })
  return ok and picture or nil
end

return drawn, profile
