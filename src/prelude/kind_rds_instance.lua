-- decide.rds_instance: class and storage of an RDS instance.
--
-- What is pending counts as there: current has the values that the instance will have, and
-- current.pending what of them is still to come. Storage autoscaling is on where
-- max_allocated_storage is more than allocated_storage, and off where they are equal.

local INSTANCES_MAX = 20 -- of one DescribeDBInstances with a filter
local GROWTH = 1.1 -- Source: Amazon RDS User Guide, "Increasing DB instance storage capacity"
local AUTOSCALING = 1.1 -- the same, "Managing capacity automatically with storage autoscaling"
local LOCK_MINUTES = 360

-- Statuses in which an instance can be modified. Source: RDS User Guide, "Viewing DB instance status".
local MODIFIABLE = { available = true, ["storage-optimization"] = true, ["storage-full"] = true }
local DEAD = {
  failed = true, ["incompatible-network"] = true, ["incompatible-option-group"] = true,
  ["incompatible-parameters"] = true, ["incompatible-restore"] = true, ["insufficient-capacity"] = true,
  ["inaccessible-encryption-credentials"] = true, stopped = true, deleting = true,
}

local PENDING_FIELDS = { DBInstanceClass = "class", AllocatedStorage = "allocated_storage" }
-- Pending values that are applied without downtime. Source: RDS User Guide, "Modifying an Amazon RDS
-- DB instance", the table of settings.
local HARMLESS = {
  AllocatedStorage = true, MasterUserPassword = true, Iops = true, StorageThroughput = true, MultiAZ = true,
  IAMDatabaseAuthenticationEnabled = true, PendingCloudwatchLogsExports = true, AutomationMode = true,
  ResumeFullAutomationModeTime = true,
}

-- MiniStack keeps pending values that were applied; a value that the instance has is not pending.
local function pending_of(instance)
  local pending
  for name, value in pairs(instance.PendingModifiedValues or {}) do
    local empty = type(value) == "table" and next(value) == nil
    if not empty and not same(value, instance[name]) then
      pending = pending or {}
      pending[name] = name == "MasterUserPassword" and "(hidden)" or value
    end
  end
  return pending
end

local function current_of(instance)
  local pending = pending_of(instance)
  local coming = pending or {}
  local allocated = coming.AllocatedStorage or instance.AllocatedStorage
  local most = instance.MaxAllocatedStorage or allocated
  if most < allocated then most = allocated end
  return {
    class = coming.DBInstanceClass or instance.DBInstanceClass,
    allocated_storage = allocated,
    max_allocated_storage = most,
    autoscale_storage = most > allocated,
    pending = pending,
    status = instance.DBInstanceStatus,
    engine = instance.Engine,
    engine_version = instance.EngineVersion,
    license = instance.LicenseModel,
    window = instance.PreferredMaintenanceWindow,
  }
end

local function describe(rds, params, items)
  for instance in rds:items("describe_db_instances", params, "DBInstances") do
    for _, item in ipairs(items[string.lower(instance.DBInstanceIdentifier)] or {}) do
      item.current = current_of(instance)
    end
  end
end

local function read(list, at)
  local rds = at:client "rds"
  each_batch(list, INSTANCES_MAX, nil, function(batch)
    local items, names = {}, {}
    for _, item in ipairs(batch) do
      local name = string.lower(item.wanted.instance) -- as RDS keeps it
      if not items[name] then names[#names + 1] = name end
      items[name] = items[name] or {}
      table.insert(items[name], item)
    end
    if #names > 1 then
      describe(rds, { Filters = { { Name = "db-instance-id", Values = names } } }, items)
    else
      local ok, failure = pcall(describe, rds, { DBInstanceIdentifier = names[1] }, items)
      local absent = type(failure) == "table"
        and (failure.code == "DBInstanceNotFound" or failure.code == "DBInstanceNotFoundFault")
      if not ok and not absent then error(failure, 0) end
    end
    for _, item in ipairs(batch) do
      if item.current == nil then item.missing = "there is no database instance " .. item.wanted.instance end
    end
  end)
end

local function storage_wanted(wanted, current) return wanted.allocated_storage or current.allocated_storage end

local function diff(wanted, current)
  local changes = {}
  local function compare(field, to)
    if to ~= nil and to ~= current[field] then
      changes[#changes + 1] = { field = field, from = current[field], to = to }
    end
  end
  compare("class", wanted.class)
  compare("allocated_storage", wanted.allocated_storage)
  compare("max_allocated_storage", wanted.max_allocated_storage)
  compare("autoscale_storage", wanted.autoscale_storage)
  return changes
end

local function changed(changes)
  local fields = {}
  for _, change in ipairs(changes) do fields[change.field] = change end
  return fields
end

local function storage_problem(wanted, current, fields)
  local storage = storage_wanted(wanted, current)
  if fields.allocated_storage then
    local least = math.ceil(current.allocated_storage * GROWTH)
    if storage < current.allocated_storage then
      return "storage never shrinks: " .. current.allocated_storage .. " GiB are allocated"
    end
    if storage < least then return "storage grows by at least 10 %: to " .. least .. " GiB or more" end
  end
  if wanted.autoscale_storage == false then
    if wanted.max_allocated_storage and wanted.max_allocated_storage ~= storage then
      return "autoscale_storage = false means max_allocated_storage = " .. storage .. ", or none"
    end
    return nil
  end
  local most = wanted.max_allocated_storage or current.max_allocated_storage
  local on = wanted.autoscale_storage or most ~= storage and current.autoscale_storage
  if wanted.autoscale_storage == nil and wanted.max_allocated_storage and most ~= storage then on = true end
  local least = math.ceil(storage * AUTOSCALING)
  if on and most < least then
    return "storage autoscaling needs max_allocated_storage of " .. least .. " GiB or more (10 % above " .. storage
      .. "), not " .. most
  end
end

local function class_problem(wanted, current, rds)
  local ok, answer = pcall(function()
    return rds:describe_orderable_db_instance_options {
      Engine = current.engine,
      EngineVersion = current.engine_version,
      DBInstanceClass = wanted.class,
      LicenseModel = current.license,
      MaxRecords = 20,
    }
  end)
  local invalid = not ok and type(answer) == "table" and answer.code == "InvalidParameterValue"
  if not ok and not invalid then error(answer, 0) end
  if ok then
    for _, option in ipairs(answer.OrderableDBInstanceOptions or {}) do
      if option.DBInstanceClass == wanted.class then return nil end
    end
  end
  return wanted.class .. " is not offered for " .. tostring(current.engine) .. " " .. tostring(current.engine_version)
end

-- What apply_immediately would apply besides.
local function downtime_pending(current)
  local names = {}
  for name in pairs(current.pending or {}) do
    if not HARMLESS[name] then names[#names + 1] = name end
  end
  table.sort(names)
  return #names > 0 and table.concat(names, ", ") or nil
end

local function being_changed(current, fields)
  if DEAD[current.status] then return nil end
  if not MODIFIABLE[current.status] then return "the instance is " .. tostring(current.status) end
  for name, field in pairs(PENDING_FIELDS) do
    if fields[field] and current.pending and current.pending[name] ~= nil then
      return "a change of " .. field .. " to " .. tostring(current.pending[name]) .. " is pending"
    end
  end
  if fields.allocated_storage and current.status == "storage-optimization" then
    return "storage is being optimized after the last change"
  end
end

-- The end of the six hours' lock, from the instance's events. Source: RDS User Guide, "Amazon RDS
-- event messages": RDS-EVENT-0017 and 0018.
local function storage_lock(wanted, rds)
  local latest
  local events = rds:items("describe_events", {
    SourceIdentifier = string.lower(wanted.instance),
    SourceType = "db-instance",
    Duration = LOCK_MINUTES,
  }, "Events")
  for event in events do
    local message = string.lower(event.Message or "")
    if string.find(message, "modification to allocated storage", 1, true) then latest = event.Date end
  end
  return latest
end

local function notes_of(wanted, current, fields)
  local notes = {}
  if fields.class then
    local from, to = tostring(current.class), wanted.class
    if wanted.apply_immediately then
      notes[1] = "downtime now: " .. from .. " becomes " .. to
    else
      notes[1] = "downtime in the maintenance window (" .. tostring(current.window) .. "): " .. from .. " becomes " .. to
    end
  end
  if fields.allocated_storage then
    notes[#notes + 1] = "storage cannot be changed again for 6 h, nor before its optimization ends; it never shrinks"
    if not wanted.apply_immediately then
      notes[#notes + 1] = "storage grows in the maintenance window (" .. tostring(current.window) .. ")"
    end
  end
  return notes
end

local function check(wanted, current, changes, at)
  local fields, rds = changed(changes), at:client "rds"
  if DEAD[current.status] then
    return { infeasible = "the instance is " .. current.status .. ", and cannot be modified" }
  end
  local problem = storage_problem(wanted, current, fields)
  if not problem and fields.class then problem = class_problem(wanted, current, rds) end
  local also = wanted.apply_immediately and downtime_pending(current)
  if not problem and also then
    problem = "apply_immediately would apply what is pending too, with downtime: " .. also
  end
  if problem then return { infeasible = problem } end

  local notes, busy = notes_of(wanted, current, fields), being_changed(current, fields)
  if not busy and fields.allocated_storage then
    local ok, latest = pcall(storage_lock, wanted, rds)
    if not ok then
      notes[#notes + 1] = "when storage was last changed could not be read: " .. tostring(latest)
    elseif latest then
      busy = "storage was changed in the last 6 h (" .. time.iso(latest) .. ")"
    end
  end
  return { busy = busy, notes = notes }
end

local function apply(wanted, current, changes, at)
  local fields = changed(changes)
  local request = {
    DBInstanceIdentifier = wanted.instance,
    ApplyImmediately = wanted.apply_immediately or false,
  }
  if fields.class then request.DBInstanceClass = wanted.class end
  if fields.allocated_storage then request.AllocatedStorage = wanted.allocated_storage end
  if wanted.autoscale_storage == false and (fields.autoscale_storage or fields.max_allocated_storage) then
    request.MaxAllocatedStorage = storage_wanted(wanted, current)
  elseif fields.max_allocated_storage or fields.autoscale_storage then
    request.MaxAllocatedStorage = wanted.max_allocated_storage or current.max_allocated_storage
  end
  at:client("rds"):modify_db_instance(request)
end

local function simulate(_, current, changes)
  local fields = changed(changes)
  local was_off = not current.autoscale_storage
  for name, change in pairs(fields) do
    if name ~= "autoscale_storage" then current[name] = change.to end
  end
  local off = fields.autoscale_storage and fields.autoscale_storage.to == false
  if off or was_off and not fields.max_allocated_storage or not current.max_allocated_storage then
    current.max_allocated_storage = current.allocated_storage
  end
  current.autoscale_storage = (current.max_allocated_storage or 0) > (current.allocated_storage or 0)
  return current
end

return kind {
  name = "rds_instance",
  doc = "Class and storage of an RDS instance.",
  event = "scaling.rds",
  resource = "db/{instance}",
  fields = {
    { name = "instance", type = "string", required = true, doc = "the instance's identifier" },
    { name = "class", type = "string", doc = "such as db.r6g.large; a change means downtime" },
    { name = "allocated_storage", type = "count", doc = "GiB; grows by at least 10 %, never shrinks" },
    { name = "max_allocated_storage", type = "count", doc = "GiB, up to which storage autoscaling may go" },
    { name = "autoscale_storage", type = "boolean", doc = "false: max_allocated_storage equals what is allocated" },
    { name = "apply_immediately", type = "boolean", compare = false, doc = "not in the maintenance window, but now" },
  },
  capacities = { "allocated_storage" },
  ordered = { { "allocated_storage", "max_allocated_storage" } },
  read = read,
  diff = diff,
  check = check,
  apply = apply,
  simulate = simulate,
}
