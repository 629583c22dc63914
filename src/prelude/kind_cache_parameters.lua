-- decide.cache_parameters: parameters of an ElastiCache parameter group.

local PARAMETERS_MAX = 20 -- of one ModifyCacheParameterGroup

-- As ElastiCache writes values: texts.
local function text_of(value)
  if type(value) == "boolean" then return value and "yes" or "no" end
  if math.type(value) == "float" and value == math.floor(value) and math.abs(value) < 2 ^ 53 then
    return string.format("%d", math.tointeger(value))
  end
  return tostring(value)
end

local function sorted_names(parameters)
  local names = {}
  for name in pairs(parameters) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- All parameters of the group, by name.
local function read_parameters(cache, group)
  local found = {}
  for page in cache:pages("describe_cache_parameters", { CacheParameterGroupName = group }) do
    for _, parameter in ipairs(page.Parameters or {}) do found[parameter.ParameterName] = parameter end
  end
  return found
end

local function read_group(item, cache)
  local group = item.wanted.group
  local ok, answer = pcall(function()
    return cache:describe_cache_parameter_groups { CacheParameterGroupName = group }
  end)
  local absent = not ok and type(answer) == "table"
    and (answer.code == "CacheParameterGroupNotFound" or answer.code == "CacheParameterGroupNotFoundFault")
  if not ok and not absent then error(answer, 0) end
  local found = ok and answer.CacheParameterGroups and answer.CacheParameterGroups[1]
  if not found then
    item.missing = "there is no cache parameter group " .. group
    return
  end
  local parameters, values = read_parameters(cache, group), {}
  for name in pairs(item.wanted.parameters) do
    if parameters[name] then values[name] = parameters[name].ParameterValue end
  end
  item.current = { family = found.CacheParameterGroupFamily, parameters = values }
end

local function diff(wanted, current)
  local changes, there = {}, current.parameters or {}
  for _, name in ipairs(sorted_names(wanted.parameters)) do
    local to = text_of(wanted.parameters[name])
    if to ~= there[name] then
      changes[#changes + 1] = { field = "parameters." .. name, from = there[name], to = to }
    end
  end
  return changes
end

local function name_of(change) return string.sub(change.field, #"parameters." + 1) end

-- "1-100", "yes,no", "0,10-2147483647", "" (anything).
local function value_allowed(value, allowed)
  if not allowed or allowed == "" then return true end
  local number = tonumber(value)
  for piece in string.gmatch(allowed, "[^,]+") do
    piece = string.match(piece, "^%s*(.-)%s*$")
    local low, high = string.match(piece, "^(-?%d+)%-(-?%d*)$")
    if piece == value then return true end
    if low and number and number >= tonumber(low) and (high == "" or number <= tonumber(high)) then return true end
  end
  return false
end

local function parameter_problem(name, value, parameters, family)
  local parameter = parameters[name]
  if not parameter then return family .. " has no parameter " .. name .. nearest(name, parameters) end
  if parameter.IsModifiable == false then return name .. " of " .. family .. " cannot be modified" end
  if not value_allowed(value, parameter.AllowedValues) then
    return name .. " = " .. value .. ": allowed is " .. parameter.AllowedValues
  end
end

-- Whom an edit of the group reaches, and whether the last one still is under way.
local function clusters_of(cache, group)
  local names, applying = {}, nil
  for cluster in cache:items("describe_cache_clusters", {}, "CacheClusters") do
    local used = cluster.CacheParameterGroup or {}
    if used.CacheParameterGroupName == group then
      local name = cluster.CacheClusterId
      if cluster.ReplicationGroupId then name = name .. " (" .. cluster.ReplicationGroupId .. ")" end
      names[#names + 1] = name
      if used.ParameterApplyStatus == "applying" then applying = cluster.CacheClusterId end
    end
  end
  table.sort(names)
  return names, applying
end

local function check(wanted, current, changes, at)
  local group, cache = wanted.group, at:client "elasticache"
  if string.sub(group, 1, #"default.") == "default." then
    return { infeasible = group .. " is one of AWS's own, which cannot be modified: make a group of " .. current.family }
  end
  local parameters, reboot = read_parameters(cache, group), {}
  for _, change in ipairs(changes) do
    local name = name_of(change)
    local problem = parameter_problem(name, change.to, parameters, current.family)
    if problem then return { infeasible = problem } end
    if parameters[name].ChangeType == "requires-reboot" then reboot[#reboot + 1] = name end
  end
  local clusters, applying = clusters_of(cache, group)
  local notes = {}
  if #clusters > 0 then notes[1] = "reaches the cache clusters " .. table.concat(clusters, ", ") end
  if #reboot > 0 then
    notes[#notes + 1] = table.concat(reboot, ", ") .. " takes effect only when the clusters are rebooted"
  end
  return { busy = applying and "parameters are being applied to " .. applying or nil, notes = notes }
end

local function apply(wanted, _, changes, at)
  local cache = at:client "elasticache"
  for first = 1, #changes, PARAMETERS_MAX do
    local values = {}
    for i = first, math.min(first + PARAMETERS_MAX - 1, #changes) do
      values[#values + 1] = { ParameterName = name_of(changes[i]), ParameterValue = changes[i].to }
    end
    cache:modify_cache_parameter_group { CacheParameterGroupName = wanted.group, ParameterNameValues = values }
  end
end

local function simulate(_, current, changes)
  current.parameters = current.parameters or {}
  for _, change in ipairs(changes) do current.parameters[name_of(change)] = change.to end
  return current
end

return kind {
  name = "cache_parameters",
  doc = "Parameters of an ElastiCache parameter group.",
  event = "cache",
  resource = "parameter-group/{group}",
  fields = {
    { name = "group", type = "string", required = true, doc = "the parameter group's name; not a default.* one" },
    { name = "parameters", type = "table", required = true, doc = "{ name = value, ... }, as the group's family has them" },
  },
  read = function(list, at)
    local cache = at:client "elasticache"
    each_batch(list, 1, nil, function(batch) read_group(batch[1], cache) end)
  end,
  diff = diff,
  check = check,
  apply = apply,
  simulate = simulate,
}
