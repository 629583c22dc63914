-- require: loads a module once a state. Written in Lua so that a module's own code may wait: nothing
-- here stands between a coroutine and its yield.
--
-- find(name) gives the compiled module and where it was found, or nil and why not; fallback is
-- Lua's own require in scripts, nil in policies; loaded is the table of what is there already.
local find, fallback, loaded, running = ...
local error, ipairs, type, setmetatable = error, ipairs, type, setmetatable
local concat, match = table.concat, string.match

local loading = setmetatable({}, { __mode = "k" }) -- coroutine -> names that it is loading

local function check_loop(chain, name)
  for i, other in ipairs(chain) do
    if other == name then
      error("require: a loop: " .. concat(chain, " -> ", i) .. " -> " .. name, 3)
    end
  end
end

return function(name)
  if type(name) ~= "string" then
    error("require: expected a module name, got " .. type(name), 2)
  end
  if loaded[name] ~= nil then
    return loaded[name]
  end
  local me = running()
  local chain = loading[me] or {}
  loading[me] = chain
  check_loop(chain, name)

  local module, where = nil, "a name has letters, digits, '_' and single dots"
  if match(name, "^[%w_.]+$") and not match(name, "^%.") and not match(name, "%.$")
      and not match(name, "%.%.") then
    module, where = find(name)
  end
  if not module then
    if fallback then
      return fallback(name)
    end
    error("require: no module '" .. name .. "': " .. where, 2)
  end

  chain[#chain + 1] = name
  local done <close> = setmetatable({}, { __close = function() chain[#chain] = nil end }) -- luacheck: ignore done
  local value = module(name, where)
  if value ~= nil then
    loaded[name] = value
  elseif loaded[name] == nil then
    loaded[name] = true
  end
  return loaded[name]
end
