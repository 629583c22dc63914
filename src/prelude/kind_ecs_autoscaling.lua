-- decide.ecs_autoscaling: an ECS service that Application Auto Scaling scales by target tracking.
-- The alarms that AWS makes for it are AWS's own, and never touched.

local services = require "moontide.ecs"

-- Source: Application Auto Scaling API Reference, PredefinedMetricSpecification.
local METRICS = {
  ECSServiceAverageCPUUtilization = true,
  ECSServiceAverageCPUUtilizationHighResolution = true,
  ECSServiceAverageMemoryUtilization = true,
  ECSServiceAverageMemoryUtilizationHighResolution = true,
  ALBRequestCountPerTarget = true,
}
local RESOURCES_MAX = 50 -- of one DescribeScalableTargets
local POLICIES_ALONE_MAX = 10 -- more services than this: all policies of the namespace are listed

local TARGET_FIELDS = { min = "MinCapacity", max = "MaxCapacity" }

local function policy_name(wanted) return wanted.service .. "-target-tracking" end

local function take_policy(item, policy)
  local current = item.current
  if policy.ScalableDimension ~= services.DIMENSION then return end
  if policy.PolicyName ~= policy_name(item.wanted) then
    if policy.PolicyType == "TargetTrackingScaling" then
      current.others = current.others or {}
      table.insert(current.others, policy.PolicyName)
      table.sort(current.others)
    end
    return
  end
  local tracking = policy.TargetTrackingScalingPolicyConfiguration or {}
  local predefined = tracking.PredefinedMetricSpecification or {}
  current.policy = policy.PolicyType
  current.target = tracking.TargetValue
  current.metric = predefined.PredefinedMetricType
  current.resource_label = predefined.ResourceLabel
  current.customized = tracking.CustomizedMetricSpecification
  current.scale_out_cooldown = tracking.ScaleOutCooldown
  current.scale_in_cooldown = tracking.ScaleInCooldown
  current.disable_scale_in = tracking.DisableScaleIn or false
end

local function by_resource(list)
  local items, ids = {}, {}
  for _, item in ipairs(list) do
    local id = services.resource_id(item.wanted)
    if not items[id] then ids[#ids + 1] = id end
    items[id] = items[id] or {}
    table.insert(items[id], item)
  end
  return items, ids
end

local function read_targets(list, at)
  each_batch(list, RESOURCES_MAX, nil, function(batch)
    local items, ids = by_resource(batch)
    local targets = at:client("application-autoscaling"):items("describe_scalable_targets", {
      ServiceNamespace = "ecs",
      ResourceIds = ids,
      ScalableDimension = services.DIMENSION,
    }, "ScalableTargets")
    for target in targets do
      for _, item in ipairs(items[target.ResourceId] or {}) do
        item.current.min, item.current.max = target.MinCapacity, target.MaxCapacity
      end
    end
  end)
end

local function read_policies(list, at)
  local scaled = {}
  for _, item in ipairs(list) do
    if item.current and item.current.min and not item.failed then scaled[#scaled + 1] = item end
  end
  local function list_policies(batch, id)
    local items = by_resource(batch)
    local policies = at:client("application-autoscaling"):items("describe_scaling_policies",
      { ServiceNamespace = "ecs", ResourceId = id }, "ScalingPolicies")
    for policy in policies do
      for _, item in ipairs(items[policy.ResourceId] or {}) do take_policy(item, policy) end
    end
  end
  if #scaled > POLICIES_ALONE_MAX then
    each_batch(scaled, #scaled, nil, function(batch) list_policies(batch) end)
  else
    local id = function(item) return services.resource_id(item.wanted) end
    each_batch(scaled, #scaled, id, function(batch) list_policies(batch, id(batch[1])) end)
  end
end

local function metric_problem(wanted)
  if wanted.customized and wanted.metric then return "it names both a metric and a customized one" end
  if wanted.customized then return nil end
  if not wanted.metric then return "it names neither a metric nor a customized one" end
  if not METRICS[wanted.metric] then
    return "'" .. wanted.metric .. "' is no predefined metric of ECS" .. nearest(wanted.metric, METRICS)
  end
  if wanted.metric == "ALBRequestCountPerTarget" and not wanted.resource_label then
    return "ALBRequestCountPerTarget needs a resource_label"
  end
end

-- What the decision does not state stays as it is: PutScalingPolicy replaces the whole policy.
local function tracking_of(wanted, current)
  local function stated(field)
    if wanted[field] ~= nil then return wanted[field] end
    return current[field]
  end
  local tracking = {
    TargetValue = wanted.target,
    ScaleOutCooldown = stated "scale_out_cooldown",
    ScaleInCooldown = stated "scale_in_cooldown",
    DisableScaleIn = stated "disable_scale_in",
  }
  if wanted.customized then
    tracking.CustomizedMetricSpecification = wanted.customized
  else
    local label = wanted.resource_label
    if label == nil and current.metric == wanted.metric then label = current.resource_label end
    tracking.PredefinedMetricSpecification = { PredefinedMetricType = wanted.metric, ResourceLabel = label }
  end
  return tracking
end

return kind {
  name = "ecs_autoscaling",
  doc = "An ECS service that Application Auto Scaling keeps at a target value of one metric.",
  event = "scaling.ecs",
  resource = "service/{cluster}/{service}",
  fields = {
    { name = "cluster", type = "string", required = true, doc = "the cluster's name" },
    { name = "service", type = "string", required = true, doc = "the service's name" },
    { name = "metric", type = "string", doc = "a predefined metric, such as ECSServiceAverageCPUUtilization" },
    { name = "target", type = "number", required = true, doc = "the value that is kept" },
    { name = "min", type = "count", required = true, doc = "tasks at least" },
    { name = "max", type = "count", required = true, doc = "tasks at most" },
    { name = "scale_out_cooldown", type = "duration", doc = "after a scale-out" },
    { name = "scale_in_cooldown", type = "duration", doc = "after a scale-in" },
    { name = "disable_scale_in", type = "boolean", doc = "only ever scale out" },
    { name = "resource_label", type = "string", doc = "of ALBRequestCountPerTarget: app/NAME/ID/targetgroup/NAME/ID" },
    { name = "customized", type = "table", doc = "instead of metric: a CustomizedMetricSpecification as AWS spells it" },
  },
  capacities = { "min", "max" },
  ordered = { { "min", "max" } },

  read = function(list, at)
    services.read(list, at, function(item, service) item.current = { status = service.status } end)
    read_targets(list, at)
    read_policies(list, at)
  end,

  check = function(wanted, current)
    if current.status ~= "ACTIVE" then
      return { infeasible = "the service " .. wanted.service .. " is " .. tostring(current.status) .. ", not ACTIVE" }
    end
    if wanted.min > wanted.max then
      return { infeasible = "min " .. wanted.min .. " is more than max " .. wanted.max }
    end
    local problem = metric_problem(wanted)
    if problem then return { infeasible = problem } end
    if current.policy and current.policy ~= "TargetTrackingScaling" then
      return { infeasible = "the policy " .. policy_name(wanted) .. " is a " .. current.policy .. ", no target tracking" }
    end
    if current.others then
      return { notes = { "other target tracking acts on the service too: " .. table.concat(current.others, ", ") } }
    end
  end,

  apply = function(wanted, current, changes, at)
    local target, tracking
    for _, change in ipairs(changes) do
      local name = TARGET_FIELDS[change.field]
      if name then
        target = target or {}
        target[name] = change.to
      else
        tracking = true
      end
    end
    local client = at:client "application-autoscaling"
    if target then
      target.ServiceNamespace, target.ScalableDimension = "ecs", services.DIMENSION
      target.ResourceId = services.resource_id(wanted)
      client:register_scalable_target(target)
    end
    if tracking then
      client:put_scaling_policy {
        PolicyName = policy_name(wanted),
        ServiceNamespace = "ecs",
        ResourceId = services.resource_id(wanted),
        ScalableDimension = services.DIMENSION,
        PolicyType = "TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration = tracking_of(wanted, current),
      }
    end
  end,
}
