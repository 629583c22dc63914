-- test: what a file of policy tests sees of describe, it and their kind, and what the host runs.
--
-- A file is loaded once, which makes a tree of blocks and, from it, a flat list of tests. The host
-- then goes through the list, each step an entry of its own with a budget of its own:
--
--   enter(i)   teardown of blocks that were left, setup of those that begin; a failure is the block's
--   before(i)  before_each, from the outside in
--   body(i)    the test
--   after(i)   finally, after_each from the inside out, and what the test left behind
--   leave()    the teardown that is left at the end of the file
--
-- A step answers nothing, or a failure: { message, file, line, trace, pending }.

local core, globals = ...
local error, getmetatable, ipairs, next, pairs, rawget, rawset, select, setmetatable, tonumber, tostring, type, xpcall =
  error, getmetatable, ipairs, next, pairs, rawget, rawset, select, setmetatable, tonumber, tostring, type, xpcall
local concat, sort, unpack = table.concat, table.sort, table.unpack
local getinfo, traceback = debug.getinfo, debug.traceback
local find, gsub, match, sub = string.find, string.gsub, string.match, string.sub

local CASES_MAX <const> = 100000

local root = { name = "", chain = {}, tests = {} }
local block, focused = root, false -- the block that is being described
local list = {} -- of tests: { name, line, body, block, only, pending }
local running -- the test that runs
local entered = {} -- blocks whose setup has run, from the outside in

-- ---- failures ----

local function own_line(info) return info.currentline > 0 and sub(info.source, 1, 10) ~= "@moontide/" end

-- The innermost line that is not of the prelude, preferably of the test file.
local function place(level)
  local first
  for at = level, level + 40 do
    local info = getinfo(at, "Sl")
    if not info then break end
    if own_line(info) then
      if info.source == core.chunk then return sub(info.source, 2), info.currentline end
      first = first or info
    end
  end
  if first then return gsub(first.source, "^[@=]", ""), first.currentline end
end

-- Without what is C's or the prelude's.
local function short_trace()
  local lines = {}
  for line in string.gmatch(traceback("", 3), "[^\n]+") do
    local own = find(line, "^\tmoontide/") or find(line, "^\t%[C%]") or find(line, "%(%.%.%.")
    if find(line, "^\t") and not own then
      lines[#lines + 1] = gsub(line, "^\t", "")
    end
  end
  return #lines > 1 and concat(lines, "\n") or nil
end

local function handler(thrown)
  local failure = type(thrown) == "table" and getmetatable(thrown) == core.failure and thrown
    or { message = nil, trace = short_trace() }
  if not failure.message then
    local text = type(thrown) == "string" and thrown or type(thrown) == "table" and rawget(thrown, "message")
    local meta = type(thrown) == "table" and getmetatable(thrown)
    if type(meta) == "table" and meta.__tostring then text = tostring(thrown) end
    failure.message = type(text) == "string" and text or "(error object is a " .. type(thrown) .. " value)"
  end
  if not failure.line then
    local file, line = match(failure.message, "^([^\n]-%.lua):(%d+): ")
    if file then
      failure.file, failure.line = file, tonumber(line)
      failure.message = sub(failure.message, #file + #line + 4)
    end
    local at, number = place(3)
    if at and (not file or "@" .. file ~= core.chunk) then
      if file then failure.message = file .. ":" .. line .. ": " .. failure.message end
      failure.file, failure.line = at, number
    end
  end
  return failure
end

-- Runs f; a failure or nil.
local function guarded(f, ...)
  local ok, failure = xpcall(f, handler, ...)
  if ok then return nil end
  -- Lua calls no handler when memory ends, nor when a handler fails.
  return type(failure) == "table" and failure or { message = tostring(failure) }
end

local function fail(message, fields)
  local failure = fields or {}
  failure.message = message
  error(setmetatable(failure, core.failure), 0)
end

-- It would end the run of all files, and with a status that says that all is well.
rawset(os, "exit", function() error("os.exit: a test cannot end the run", 2) end)

-- ---- what is left behind ----

local KEPT = { "string", "table", "math", "os", "io", "coroutine", "utf8", "debug", "package" }
local watched = { [globals] = "" }
for _, name in ipairs(KEPT) do
  local module = rawget(globals, name)
  if type(module) == "table" then watched[module] = name .. "." end
end

local counted = {} -- how many fields each copy has, by copy

local function look()
  local seen = {}
  for module in next, watched do
    local copy, count = {}, 0
    for key, value in next, module do
      copy[key] = value
      count = count + 1
    end
    seen[module], counted[copy] = copy, count
  end
  return seen
end

local baseline -- as it was before the tests; nil: something else than a test may have changed it

-- Names of what is new or changed since; all of it is put back.
local function clean(seen)
  local names
  for module, prefix in next, watched do
    local copy = seen[module]
    local count, before = 0, names and #names or 0
    for key, value in next, module do
      count = count + 1
      if copy[key] ~= value then
        names = names or {}
        names[#names + 1] = prefix .. tostring(key)
      end
    end
    if count ~= counted[copy] or names and #names > before then
      for key in next, copy do
        if rawget(module, key) == nil then
          names = names or {}
          names[#names + 1] = prefix .. tostring(key)
        end
      end
      local doubtful = {}
      for key in next, module do doubtful[#doubtful + 1] = key end
      for _, key in ipairs(doubtful) do rawset(module, key, copy[key]) end
      for key, value in next, copy do rawset(module, key, value) end
    end
  end
  if names then sort(names) end
  return names
end

local function left_behind(names, who)
  return { message = who .. " left the global" .. (#names > 1 and "s " or " ") .. concat(names, ", ") ..
    " behind: say `local`, or set it back in after_each" }
end

-- ---- the tree ----

local function describing(name)
  if running then error(name .. " belongs at the level of the file, not inside a test", 3) end
end

local function line_of(level) return select(2, place(level + 1)) or 0 end

local function open_block(name, fn, only)
  if type(name) ~= "string" then error("describe: a name (a string) is expected, not a " .. type(name), 3) end
  if type(fn) ~= "function" then error("describe: a function is expected, not a " .. type(fn), 3) end
  describing("describe")
  local outer = block
  local chain = { unpack(outer.chain) }
  local inner = { name = name, outer = outer, chain = chain, only = only or outer.only }
  chain[#chain + 1] = inner
  block = inner
  local problem = guarded(fn)
  block = outer
  if problem then error(setmetatable(problem, core.failure), 0) end
end

local function full_name(name)
  local names = {}
  for i, each in ipairs(block.chain) do names[i] = each.name end
  names[#names + 1] = name
  return concat(names, " > ")
end

local function add(name, body, only, pending, line)
  if type(name) ~= "string" then error("it: a name (a string) is expected, not a " .. type(name), 3) end
  if body ~= nil and type(body) ~= "function" then error("it: a function is expected, not a " .. type(body), 3) end
  describing("it")
  focused = focused or only or block.only
  list[#list + 1] = { name = full_name(name), line = line or line_of(3), body = body, block = block,
                      only = only or block.only, pending = pending or not body and "no function was given" or nil }
end

-- "p99 of $p99 is %s": fields of the case by name, and its values in order.
local function case_name(name, case, index)
  local values, at = case, 0
  if type(case) ~= "table" then values = { case } end
  local text = gsub(name, "%$([%w_]+)", function(key)
    if values[key] ~= nil then return tostring(values[key]) end
  end)
  local used = text ~= name
  text = gsub(text, "%%[sdq]", function()
    at = at + 1
    used = true
    return core.show(values[at])
  end)
  if used then return text end
  local label = type(case) == "table" and (case.name or case[1]) or case
  if type(label) == "table" or type(label) == "function" then label = nil end
  return name .. " [" .. tostring(label == nil and index or label) .. "]"
end

local function each_case(cases, name, body, only, line)
  if type(cases) ~= "table" then error("cases: a list of cases is expected, not a " .. type(cases), 3) end
  if type(body) ~= "function" then error("cases: a function is expected, not a " .. type(body), 3) end
  if #cases == 0 then error("cases: the list of cases is empty", 3) end
  if #cases > CASES_MAX then error("cases: more than " .. CASES_MAX .. " cases", 3) end
  for i, case in ipairs(cases) do
    local run
    if type(case) == "table" and #case > 0 then
      run = function() return body(unpack(case, 1, case.n or #case)) end
    else
      run = function() return body(case) end
    end
    add(case_name(name, case, i), run, only, nil, line)
  end
end

local function callable(f, members) return setmetatable(members, { __call = function(_, ...) return f(...) end }) end

local function it_maker(only)
  local made = { each = function(cases)
    local line = line_of(2)
    return function(name, body) each_case(cases, name, body, only, line) end
  end }
  return callable(function(name, body) add(name, body, only) end, made)
end

local it = it_maker(false)
it.only = it_maker(true)
it.skip = function(name) add(name, nil, false, "skipped") end
local describe = callable(function(name, fn) open_block(name, fn, false) end, {
  only = function(name, fn) open_block(name, fn, true) end,
  skip = function(name) add(name, nil, false, "skipped") end,
})

local function hook(kind)
  return function(fn)
    if type(fn) ~= "function" then error(kind .. ": a function is expected, not a " .. type(fn), 2) end
    if running then error(kind .. " belongs at the level of the file or a describe, not inside a test", 2) end
    local hooks = block[kind] or {}
    block[kind] = hooks
    hooks[#hooks + 1] = fn
  end
end

-- At the file's level a test that is to be written; inside a test, the end of it.
local function pending(name, _)
  if not running then return add(tostring(name), nil, false, "pending", line_of(2)) end
  fail(tostring(name or "pending"), { pending = true })
end

local function finally(fn)
  if not running then error("finally belongs inside a test", 2) end
  running.finally = running.finally or {}
  running.finally[#running.finally + 1] = fn
end

local vocabulary = {
  describe = describe, context = describe, insulate = describe, expose = describe,
  it = it, spec = it, test = it, cases = function(name, cases, body)
    if type(name) == "table" then name, cases = cases, name end
    each_case(cases, name, body, false, line_of(2))
  end,
  pending = pending, finally = finally, before_each = hook "before_each", after_each = hook "after_each",
  setup = hook "setup", teardown = hook "teardown", lazy_setup = hook "setup", strict_setup = hook "setup",
  lazy_teardown = hook "teardown", strict_teardown = hook "teardown",
  before_all = hook "setup", after_all = hook "teardown",
}
for name, value in pairs(vocabulary) do globals[name] = value end

-- ---- what the host calls ----

local host = {}

-- test_* functions that the file made, in the order of their lines.
local function take_functions(before)
  local found = {}
  for name, value in pairs(globals) do
    if type(name) == "string" and find(name, "^test_") and type(value) == "function" and before[name] ~= value then
      found[#found + 1] = { name = name, body = value, line = getinfo(value, "S").linedefined }
    end
  end
  sort(found, function(a, b) return a.line ~= b.line and a.line < b.line or a.line == b.line and a.name < b.name end)
  for _, each in ipairs(found) do add(each.name, each.body, false, nil, each.line) end
end

function host.load(chunk)
  local before = {}
  for name, value in pairs(globals) do before[name] = value end
  local failure = guarded(chunk, core.chunk)
  if failure then return failure end
  take_functions(before)
end

-- How many tests there are, and whether only some of them are wanted (it.only).
function host.count() return #list, focused end

-- name, line, pending, wanted
function host.test(i)
  local t = list[i]
  return t.name, t.line, t.pending, not focused or t.only and true or false
end

local function run_hooks(hooks, first, last, step)
  if not hooks then return nil end
  for i = first or 1, last or #hooks, step or 1 do
    local failure = guarded(hooks[i])
    if failure then return failure end
  end
end

local function close_block(each)
  entered[#entered] = nil
  baseline = nil
  local failure
  if each.teardown then failure = run_hooks(each.teardown, #each.teardown, 1, -1) end
  local names = each.seen and clean(each.seen)
  each.seen = nil
  if not failure and names then failure = left_behind(names, "setup of '" .. each.name .. "'") end
  return failure
end

local function open(each)
  entered[#entered + 1] = each
  baseline = nil
  if not each.setup then return nil end
  each.seen = look()
  each.failed = { message = "setup was cut off" } -- should it not come back
  each.failed = run_hooks(each.setup)
  if each.failed then
    each.failed.message = "setup" .. (each.name ~= "" and " of '" .. each.name .. "'" or "") .. " failed: " ..
      each.failed.message
  end
end

-- The second answer is a failure of a block that was left.
function host.enter(i)
  local chain, late = list[i].block.chain, nil
  local wanted = { root, unpack(chain) }
  local keep = 0
  while keep < #entered and entered[keep + 1] == wanted[keep + 1] do keep = keep + 1 end
  while #entered > keep do
    local failure = close_block(entered[#entered])
    late = late or failure
  end
  for at = keep + 1, #wanted do open(wanted[at]) end
  for _, each in ipairs(wanted) do
    if each.failed then
      local copy = {}
      for k, v in pairs(each.failed) do copy[k] = v end
      return copy, late
    end
  end
  return nil, late
end

-- What the host learnt when a setup was cut off.
function host.cut(message)
  for _, each in ipairs(entered) do
    if each.failed then each.failed.message = "setup failed: " .. message end
  end
end

function host.leave()
  local late
  while #entered > 0 do
    local failure = close_block(entered[#entered])
    late = late or failure
  end
  return late
end

function host.before(i)
  local t = list[i]
  running = t
  core.test = t
  baseline = baseline or look()
  for _, each in ipairs { root, unpack(t.block.chain) } do
    local failure = run_hooks(each.before_each)
    if failure then
      failure.message = "before_each failed: " .. failure.message
      return failure
    end
  end
end

function host.body(i) return guarded(list[i].body) end

function host.after(i)
  local t = list[i]
  local failure
  if t.finally then failure = run_hooks(t.finally, #t.finally, 1, -1) end
  t.finally = nil
  for at = #t.block.chain, 0, -1 do
    local hooks = (at == 0 and root or t.block.chain[at]).after_each
    local problem = hooks and run_hooks(hooks, #hooks, 1, -1)
    if problem then problem.message = "after_each failed: " .. problem.message end
    failure = failure or problem
  end
  local problem = core.at_end and guarded(core.at_end)
  failure = failure or problem
  local names = baseline and clean(baseline)
  running, core.test = nil, nil
  if names and not failure then failure = left_behind(names, "the test") end
  return failure
end

function host.snapshots(whole) return core.write_snapshots and guarded(core.write_snapshots, whole == 1) end

core.fail, core.handler, core.place = fail, handler, place
return host
