-- test_expect: expect(x), and assert as busted's users know it, on one list of assertions.
--
-- A name is read word by word: is, are, was, to, be, have, a, ... say nothing, not, no and never turn
-- it round, and what is left is the assertion: expect(x).to_be_nil(), assert.is_not.equal(1, x),
-- assert.has_no.errors(f). An assertion answers whether it holds, and the words of both cases.
local core, globals, diff = ...
local error, getmetatable, ipairs, next, pairs, pcall, rawget, select, setmetatable, tostring, type =
  error, getmetatable, ipairs, next, pairs, pcall, rawget, select, setmetatable, tostring, type
local concat, sort = table.concat, table.sort
local find, gmatch, match, sub = string.find, string.gmatch, string.match, string.sub
local abs = math.abs
local show = diff.show

local FILLERS = {}
for word in gmatch("is are was were be to has have had does do a an the that been", "%a+") do FILLERS[word] = true end
local TURNS = { ["not"] = true, no = true, never = true, isnt = true }

-- name -> f(actual, ...): ok, what was expected (a verb phrase), what is the case (or nil)
local assertions, aliases = {}, {}
-- Those whose first argument is what was expected, when `assert` is asked.
local expected_first = {}

local function define(names, f, first)
  local main
  for name in gmatch(names, "[%w_]+") do
    main = main or name
    assertions[name] = f
    if name ~= main then aliases[name] = main end
    if first then expected_first[name] = true end
  end
end

-- ---- the assertions ----

local function sides(expected, actual)
  local out = {}
  diff.two_sides(expected, actual, out)
  return out
end

define("equal equals eq", function(actual, expected)
  local ok = actual == expected
  if not ok and type(actual) == "table" and type(expected) == "table" then
    local same, found = diff.same(expected, actual)
    local out = {}
    if same then
      out[1] = "  two tables with the same content, but not one table (to_equal compares the content)"
    else
      diff.explain(found, out)
    end
    return ok, "the same value", out
  end
  return ok, "equal " .. show(expected), sides(expected, actual)
end, true)

define("same deep_equal deep_equals", function(actual, expected)
  local ok, found = diff.same(expected, actual)
  local out = {}
  if not ok then diff.explain(found, out) end
  return ok, "the same as " .. show(expected), out
end, true)

local function contains(actual, wanted)
  if type(actual) == "string" then return find(actual, tostring(wanted), 1, true) ~= nil end
  if type(actual) ~= "table" then return false end
  for _, each in pairs(actual) do
    if diff.holds(wanted, each) then return true end
  end
  return false
end

define("contain contains include includes", function(actual, wanted)
  if type(actual) == "table" and type(wanted) == "table" and #actual == 0 then
    if diff.holds(wanted, actual) then return true, "contain " .. show(wanted) end
  end
  return contains(actual, wanted), "contain " .. show(wanted), { "  actual    " .. show(actual) }
end)

local function is_list(value) return type(value) == "table" and #value > 0 end

-- Of a list and fields: one of its items has them.
define("subset superset_of match_table", function(actual, wanted)
  if is_list(actual) and type(wanted) == "table" and not is_list(wanted) and next(wanted) ~= nil then
    return contains(actual, wanted), "have an item with " .. show(wanted), { "  actual    " .. show(actual) }
  end
  local ok, found = diff.holds(wanted, actual)
  local out = {}
  if not ok then diff.explain(found, out) end
  return ok, "have " .. show(wanted), out
end)

define("match matches", function(actual, pattern, init, plain)
  if type(pattern) == "table" and not core.is_matcher(pattern) then
    return assertions.subset(actual, pattern)
  end
  if type(pattern) ~= "string" then
    return core.matches(pattern, actual), "match", { "  actual    " .. show(actual) }
  end
  local is_text = type(actual) == "string" or type(actual) == "number"
  local ok = is_text and find(tostring(actual), pattern, init, plain) ~= nil
  return ok, "match the pattern " .. show(pattern), { "  actual    " .. show(actual) }
end, true)

define("near close", function(actual, expected, tolerance)
  tolerance = tolerance or 1e-9
  if type(expected) ~= "number" or type(tolerance) ~= "number" then
    error("near: a number and a tolerance are expected", 0)
  end
  local ok = type(actual) == "number" and abs(actual - expected) <= tolerance
  return ok, "be within " .. show(tolerance) .. " of " .. show(expected), sides(expected, actual)
end, true)

define("above greater_than more_than", function(actual, limit)
  return type(actual) == type(limit) and actual > limit, "be above " .. show(limit), { "  actual    " .. show(actual) }
end)
define("below less_than", function(actual, limit)
  return type(actual) == type(limit) and actual < limit, "be below " .. show(limit), { "  actual    " .. show(actual) }
end)

local function actual_line(actual) return { "  actual    " .. show(actual) } end
define("true", function(actual) return actual == true, "be true", actual_line(actual) end)
define("false", function(actual) return actual == false, "be false", actual_line(actual) end)
define("truthy ok", function(actual) return not not actual, "be truthy", actual_line(actual) end)
define("falsy falsey", function(actual) return not actual, "be falsy", actual_line(actual) end)
define("nil", function(actual) return actual == nil, "be nil", actual_line(actual) end)
define("empty", function(actual)
  return actual == "" or type(actual) == "table" and next(actual) == nil, "be empty", actual_line(actual)
end)
for kind in gmatch("boolean number string table function userdata thread", "%a+") do
  define(kind, function(actual) return type(actual) == kind, "be a " .. kind, actual_line(actual) end)
end
define("type of_type", function(actual, kind)
  return type(actual) == kind, "be a " .. tostring(kind), actual_line(actual)
end)
define("length len", function(actual, n)
  local length = (type(actual) == "table" or type(actual) == "string") and #actual or nil
  local said = { "  it has    " .. show(length), "  actual    " .. show(actual) }
  return length == n, "have " .. tostring(n) .. " items", said
end)
define("unique", function(actual, deep)
  for i = 1, #actual do
    for j = i + 1, #actual do
      if actual[i] == actual[j] or deep and diff.same(actual[i], actual[j]) then
        return false, "have only unique items", { "  items " .. i .. " and " .. j .. " are both " .. show(actual[i]) }
      end
    end
  end
  return true, "have only unique items"
end)

-- What f throws: nothing, or (true, the value, its text without the place).
local function thrown(f)
  if type(f) ~= "function" and not (getmetatable(f) and getmetatable(f).__call) then
    error("a function is expected, not a " .. type(f) .. " (wrap the call: function() ... end)", 0)
  end
  local ok, value = pcall(f)
  if ok then return nil end
  if type(value) == "table" and getmetatable(value) == core.failure then return true, value, value.message end
  if type(value) == "string" then return true, value, match(value, "^[^\n]-%.lua:%d+: (.*)$") or value end
  local meta = getmetatable(value)
  local text = type(meta) == "table" and meta.__tostring and tostring(value) or nil
  return true, value, text or type(value) == "table" and rawget(value, "message") or nil
end

define("error errors throw throws", function(f, wanted)
  local threw, value, text = thrown(f)
  local words = "throw" .. (wanted ~= nil and " " .. show(wanted) or " an error")
  if not threw then return false, words, { "  nothing was thrown" } end
  local said = { "  it threw  " .. show(text or value) }
  if wanted == nil then return true, words, said end
  if type(wanted) ~= "string" then return diff.same(wanted, value), words, said end
  return value == wanted or text == wanted, words, said
end)
define("error_match error_matches errors_match match_error matches_error throw_match", function(f, pattern, init, plain)
  local threw, value, text = thrown(f)
  local words = "throw an error that matches " .. show(pattern)
  if not threw then return false, words, { "  nothing was thrown" } end
  return find(tostring(text or value), pattern, init, plain) ~= nil, words, { "  it threw  " .. show(text or value) }
end)
define("returned_arguments", function(n, ...) return select("#", ...) == n, "return " .. n .. " values" end)

-- to_throw takes a part of the text; busted's error takes all of it.
assertions.throw_part = function(f, part)
  if type(part) ~= "string" then return assertions.error(f, part) end
  local threw, value, text = thrown(f)
  local words = "throw an error with " .. show(part)
  if not threw then return false, words, { "  nothing was thrown" } end
  text = tostring(text or value)
  return find(text, part, 1, true) ~= nil or pcall(find, text, part) and find(text, part) ~= nil, words,
    { "  it threw  " .. show(text) }
end

-- ---- names ----

-- Words -> assertion, turned; nil: not (yet) one.
local function resolve(words)
  local rest, turned = {}, false
  for i, word in ipairs(words) do
    if TURNS[word] then
      turned = not turned
    elseif not FILLERS[word] or #rest > 0 then
      rest[#rest + 1] = word
    elseif i == #words and #rest == 0 then
      return nil, turned
    end
  end
  local name = concat(rest, "_")
  return assertions[name] and name or nil, turned, name
end

local function split(words, name)
  local more = { table.unpack(words) }
  for word in gmatch(name, "[^_]+") do more[#more + 1] = string.lower(word) end
  return more
end

local function unknown(name)
  local names = {}
  for each in pairs(assertions) do names[#names + 1] = each end
  sort(names)
  local near = core.nearest(name, names)
  error("there is no assertion '" .. name .. "'" .. (near and " (did you mean '" .. near .. "'?)" or ""), 3)
end

-- Whether some assertion begins with these words.
local function begins(name)
  if name == "" then return true end
  for each in pairs(assertions) do
    if sub(each, 1, #name + 1) == name .. "_" then return true end
  end
  return false
end

local function complain(message, turned, words, out, what)
  local lines = { message }
  if not message then
    lines[1] = what .. (turned and " should not " or " should ") .. words
    for _, line in ipairs(turned and {} or out or {}) do lines[#lines + 1] = line end
  elseif not turned then
    for _, line in ipairs(out or {}) do lines[#lines + 1] = line end
  end
  core.fail(concat(lines, "\n"))
end

-- Verb phrases of "the same value" and the like stand behind "be".
local function phrase(words) return find(words, "^the ") and "be " .. words or words end

local function check(name, turned, message, actual, ...)
  local ok, words, out = assertions[name](actual, ...)
  ok = not not ok
  if ok == not turned then return true end
  local what = show(actual, 60)
  if name == "same" or name == "equal" or type(actual) == "table" or type(actual) == "function" then what = "it" end
  complain(message, turned, phrase(words), out, what)
end

-- ---- expect ----

local EXPECT = { to_be = "equal", be = "equal", to_equal = "same", to_have = "subset", have = "subset",
                 to_throw = "throw_part", to_be_same = "same" }

local function expect(actual)
  local self = {}
  local function chain(words)
    return setmetatable({}, {
      __index = function(_, key)
        local all = split(words, tostring(key))
        local turned, plain = false, {}
        for _, word in ipairs(all) do
          if TURNS[word] then turned = not turned else plain[#plain + 1] = word end
        end
        local joined = concat(plain, "_")
        if joined == "to_match_snapshot" or joined == "match_snapshot" then
          return function(_, name) core.snapshot(actual, name) end
        end
        ---@type string?, boolean, string?
        local name, also, rest = EXPECT[joined], turned, joined
        if not name then name, also, rest = resolve(all) end
        if name then
          return function(first, ...)
            if first == self or getmetatable(first) == self then return check(name, also, nil, actual, ...) end
            return check(name, also, nil, actual, first, ...)
          end
        end
        if not begins(rest or "") then unknown(rest) end
        return chain(all)
      end,
      __call = function() error("expect(x)." .. concat(words, "_") .. " is no assertion", 2) end,
      __metatable = self,
    })
  end
  return chain {}
end
globals.expect = expect

-- ---- assert ----

-- After so many arguments a message may follow.
local ARITY = { ["true"] = 1, ["false"] = 1, truthy = 1, falsy = 1, ["nil"] = 1, equal = 2, same = 2, empty = 1,
                boolean = 1, number = 1, string = 1, table = 1, ["function"] = 1, userdata = 1, thread = 1 }

local function call_assert(name, turned, message, ...)
  local n, main = select("#", ...), aliases[name] or name
  if main == "error" and turned then
    local threw, value, text = thrown((...))
    if threw then complain(message, false, "throw nothing", { "  it threw  " .. show(text or value) }, "it") end
    return ...
  end
  local arity = ARITY[main]
  if not message and arity and n > arity and type(select(arity + 1, ...)) == "string" then
    message = select(arity + 1, ...)
  end
  if not expected_first[name] then
    if arity then check(name, turned, message, (...)) else check(name, turned, message, ...) end
    return ...
  end
  if n < 2 then error(main .. ": two arguments are expected", 3) end
  local expected, actual = ...
  if arity then check(name, turned, message, actual, expected)
  else check(name, turned, message, actual, expected, select(3, ...)) end
  return ...
end

-- Lua's own assert, whose message stands alone.
local function plain(message, ...)
  local holds, text = ...
  if holds then return ... end
  if select("#", ...) == 0 then error("assert: a value is expected", 3) end
  if text == nil then text = message or "assertion failed!" end
  error(text, 0)
end

local assert_chain

function assert_chain(words, message)
  return setmetatable({}, {
    __index = function(_, key)
      local all = split(words, tostring(key))
      if all[#all] == "message" and #all == 1 then
        return function(text) return assert_chain({}, text) end
      end
      local name, turned, rest = resolve(all)
      if not name and (rest == "spy" or rest == "stub") then return core.assert_spy(turned) end
      if name then
        return setmetatable({}, {
          __call = function(_, ...) return call_assert(name, turned, message, ...) end,
          __index = function(_, more) return assert_chain(all, message)[more] end,
        })
      end
      if rest and not begins(rest) then unknown(rest) end
      return assert_chain(all, message)
    end,
    __call = function(_, ...)
      if #words == 0 then return plain(message, ...) end
      local name, turned = resolve(words)
      if not name then error("assert." .. concat(words, "_") .. " is no assertion", 2) end
      return call_assert(name, turned, message, ...)
    end,
  })
end

globals.assert = assert_chain({}, nil)
core.define, core.check = define, check
