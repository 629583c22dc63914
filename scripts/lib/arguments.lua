-- lib.arguments: the command line of a script, and its usage, which is the comment that the script begins with.
--
--   local options = require("lib.arguments") { operands = 1, period = "duration", region = "text", csv = "flag" }
--   options[1], options.period
--
-- `--name VALUE` or `--name=VALUE`; a "list" may be given again and again. `--help` prints the usage and ends with
-- 0; what is wrong is said with the usage on standard error, and ends with 1.

local function usage()
  local lines = {}
  for line in io.lines(arg[0]) do
    if line:sub(1, 2) ~= "--" then break end
    lines[#lines + 1] = line:sub(4)
  end
  return table.concat(lines, "\n")
end

local function refuse(text)
  io.stderr:write(arg[0]:match("[^/]*$"), ": ", text, "\n\n", usage(), "\n")
  os.exit(1)
end

local function check(kind, name, value)
  if kind == "number" then
    local number = tonumber(value)
    if not number then refuse(("--%s is a number, not %s"):format(name, value)) end
    return number
  elseif kind == "duration" then
    local ok, seconds = pcall(time.duration, value)
    if not ok then refuse(("--%s is a duration (5m, 14d), not %s"):format(name, value)) end
    return seconds
  elseif type(kind) == "table" then
    for _, allowed in ipairs(kind) do
      if value == allowed then return value end
    end
    refuse(("--%s is one of %s, not %s"):format(name, table.concat(kind, ", "), value))
  end
  return value
end

local function take(options, spec, name, value, following)
  local kind = spec[name]
  if kind == nil or name == "operands" then refuse("unknown option --" .. name) end
  if kind == "flag" then
    if value then refuse("takes no value: --" .. name) end
    options[name] = true
    return 0
  end
  local given = value or following
  if given == nil then refuse("a value is missing after --" .. name) end
  if kind == "list" then
    options[name] = options[name] or {}
    table.insert(options[name], given)
  else
    options[name] = check(kind, name, given)
  end
  return value and 0 or 1
end

local arguments = { refuse = refuse }

local function parse(_, spec)
  local options, i = {}, 1
  while i <= #arg do
    local word = arg[i]
    if word == "--help" or word == "-h" then
      print(usage())
      os.exit(0)
    end
    local name, value = word:match("^%-%-([%w-]+)=(.*)$")
    name = name or word:match("^%-%-([%w-]+)$")
    if name then
      i = i + take(options, spec, name, value, arg[i + 1])
    elseif word:sub(1, 1) == "-" and #word > 1 then
      refuse("unknown option " .. word)
    else
      options[#options + 1] = word
    end
    i = i + 1
  end
  if #options > (spec.operands or 0) then refuse("did not expect " .. options[(spec.operands or 0) + 1]) end
  return options
end

return setmetatable(arguments, { __call = parse })
