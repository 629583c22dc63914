-- test_spy: spies, stubs, mocks and matchers, as busted's users know them (luassert).
local core, globals, diff = ...
local error, getmetatable, ipairs, pairs, setmetatable, tostring, type =
  error, getmetatable, ipairs, pairs, setmetatable, tostring, type
local unpack, pack = table.unpack, table.pack

-- ---- matchers: match._, match.is_string(), ... ----

local MATCHER = {}
local function matcher(name, f)
  return setmetatable({ holds = f }, { __matcher = MATCHER, __tostring = function() return name end })
end
function core.is_matcher(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__matcher == MATCHER
end
function core.matches(value, actual)
  if core.is_matcher(value) then return not not value.holds(actual) end
  return (diff.same(value, actual))
end

---@type table<string, any>
local match = { _ = matcher("match._", function() return true end) }
for kind in ("boolean number string table function userdata thread"):gmatch("%a+") do
  match["is_" .. kind] = function() return matcher("match.is_" .. kind, function(v) return type(v) == kind end) end
end
match.is_nil = function() return matcher("match.is_nil", function(v) return v == nil end) end
match.is_true = function() return matcher("match.is_true", function(v) return v == true end) end
match.is_false = function() return matcher("match.is_false", function(v) return v == false end) end
match.is_truthy = function() return matcher("match.is_truthy", function(v) return v end) end
match.is_falsy = function() return matcher("match.is_falsy", function(v) return not v end) end
match.is_equal = function(x) return matcher("match.is_equal", function(v) return v == x end) end
match.equals, match.is_same = match.is_equal, function(x)
  return matcher("match.is_same", function(v) return (diff.same(x, v)) end)
end
match.same = match.is_same
match.matches = function(pattern)
  return matcher("match.matches", function(v) return type(v) == "string" and v:find(pattern) ~= nil end)
end
match.has_match, match.is_matching = match.matches, match.matches
match.is_near = function(x, tolerance)
  return matcher("match.is_near", function(v) return type(v) == "number" and math.abs(v - x) <= (tolerance or 1e-9) end)
end
match.near = match.is_near
match.is_not_nil = function() return matcher("match.is_not_nil", function(v) return v ~= nil end) end
match.subset = function(x) return matcher("match.subset", function(v) return (diff.holds(x, v)) end) end

-- ---- spies ----

local SPY = {}
local reverted -- what is to be put back at the end of the test

local function is_spy(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__spy == SPY
end

local function new_spy(callback)
  local spy = { calls = {}, returnvals = {}, callback = callback }
  return setmetatable(spy, {
    __spy = SPY,
    __call = function(self, ...)
      self.calls[#self.calls + 1] = { vals = pack(...), refs = pack(...) }
      local results = pack(self.callback(...))
      self.returnvals[#self.returnvals + 1] = { vals = results, refs = results }
      return unpack(results, 1, results.n)
    end,
    __index = {
      clear = function(self) self.calls, self.returnvals = {}, {} return self end,
      called = function(self, n) return #self.calls > 0 and (n == nil or #self.calls == n), #self.calls end,
      revert = function(self)
        if self.target then self.target[self.key] = self.original end
        self.target = nil
        return self.original
      end,
      returns = function(self, ...)
        local values = pack(...)
        self.callback = function() return unpack(values, 1, values.n) end
        return self
      end,
      invokes = function(self, f) self.callback = f return self end,
    },
  })
end

local function put(target, key, spy)
  if type(target) ~= "table" then error("spy.on: a table is expected, not a " .. type(target), 3) end
  spy.target, spy.key, spy.original = target, key, target[key]
  target[key] = spy
  reverted = reverted or {}
  reverted[#reverted + 1] = spy
  return spy
end

-- What a test forgot to revert is put back for it, as in busted.
function core.at_end()
  local list = reverted
  reverted = nil
  for i = #(list or {}), 1, -1 do list[i]:revert() end
end

local function nothing() end
local spy = setmetatable({
  new = function(f) return new_spy(f or nothing) end,
  on = function(target, key)
    if type(target) ~= "table" then error("spy.on: a table is expected, not a " .. type(target), 2) end
    local original = target[key]
    if original == nil then error("spy.on: there is no '" .. tostring(key) .. "'", 2) end
    return put(target, key, new_spy(original))
  end,
  is_spy = is_spy,
}, { __call = function(_, f) return new_spy(f or nothing) end })

local stub = setmetatable({
  new = function(target, key, ...)
    local values = pack(...)
    local f = values.n > 0 and (type(values[1]) == "function" and values.n == 1 and values[1] or
      function() return unpack(values, 1, values.n) end) or nothing
    if target == nil then return new_spy(f) end
    return put(target, key, new_spy(f))
  end,
}, { __call = function(self, ...) return self.new(...) end })

local function mock(target, stubbed, seen)
  seen = seen or {}
  if type(target) ~= "table" or seen[target] then return target end
  seen[target] = true
  for key, value in pairs(target) do
    if type(value) == "function" then
      put(target, key, new_spy(stubbed and nothing or value))
    elseif type(value) == "table" and not is_spy(value) then
      mock(value, stubbed, seen)
    end
  end
  return target
end

-- ---- assert.spy(s).was.called_with(...) ----

local function arguments_match(wanted, call)
  for i = 1, math.max(wanted.n, call.vals.n) do
    if not core.matches(wanted[i], call.vals[i]) then return false end
  end
  return true
end

local function calls_text(s)
  local lines = {}
  for i, call in ipairs(s.calls) do
    if i > 5 then break end
    local words = {}
    for at = 1, call.vals.n do words[at] = diff.show(call.vals[at], 60) end
    lines[i] = "  call " .. i .. ": (" .. table.concat(words, ", ") .. ")"
  end
  return #lines > 0 and "\n" .. table.concat(lines, "\n") or ""
end

local function times(n) return n == 1 and "once" or n .. " times" end

local CALLS = {
  called = function(s, n)
    if n == nil then return #s.calls > 0, "be called" end
    return #s.calls == n, "be called " .. times(n)
  end,
  called_at_least = function(s, n) return #s.calls >= n, "be called at least " .. times(n) end,
  called_at_most = function(s, n) return #s.calls <= n, "be called at most " .. times(n) end,
  called_more_than = function(s, n) return #s.calls > n, "be called more than " .. times(n) end,
  called_less_than = function(s, n) return #s.calls < n, "be called less than " .. times(n) end,
  called_with = function(s, ...)
    local wanted = pack(...)
    for _, call in ipairs(s.calls) do
      if arguments_match(wanted, call) then return true, "be called with these arguments" end
    end
    return false, "be called with these arguments"
  end,
  returned_with = function(s, ...)
    local wanted = pack(...)
    for _, value in ipairs(s.returnvals) do
      if arguments_match(wanted, value) then return true, "return these values" end
    end
    return false, "return these values"
  end,
}

local FILLERS = { is = true, was = true, has = true, have = true, been = true, to = true, be = true }

function core.assert_spy(turned_before)
  return function(s)
    if not is_spy(s) then error("assert.spy: a spy is expected, not a " .. type(s), 2) end
    local function chain(words, turned)
      return setmetatable({}, { __index = function(_, key)
        local rest = { unpack(words) }
        local around = turned
        for word in tostring(key):gmatch("[^_]+") do
          if word == "not" or word == "no" then around = not around
          elseif not FILLERS[word] or #rest > 0 then rest[#rest + 1] = word end
        end
        local name = table.concat(rest, "_")
        if name == "called" or CALLS[name] then
          return setmetatable({}, {
            __call = function(_, ...)
              local ok, text = CALLS[name](s, ...)
              if ok == around then
                core.fail("the spy should " .. (around and "not " or "") .. text .. "; it was called " ..
                  times(#s.calls) .. calls_text(s))
              end
            end,
            __index = function(_, more) return chain(rest, around)[more] end,
          })
        end
        return chain(rest, around)
      end })
    end
    return chain({}, turned_before)
  end
end

globals.spy, globals.stub, globals.mock, globals.match = spy, stub, mock, match
