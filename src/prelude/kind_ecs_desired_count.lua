-- decide.ecs_desired_count: how many tasks an ECS service runs.

local services = require "moontide.ecs"

-- The names of what scales the service by itself.
local function trackers(wanted, at)
  local names = {}
  local pages = at:client("application-autoscaling"):items("describe_scaling_policies", {
    ServiceNamespace = "ecs",
    ResourceId = services.resource_id(wanted),
    ScalableDimension = services.DIMENSION,
  }, "ScalingPolicies")
  for policy in pages do
    if policy.PolicyType == "TargetTrackingScaling" then names[#names + 1] = policy.PolicyName end
  end
  table.sort(names)
  return names
end

return kind {
  name = "ecs_desired_count",
  doc = "How many tasks an ECS service runs.",
  event = "scaling.ecs",
  resource = "service/{cluster}/{service}",
  fields = {
    { name = "cluster", type = "string", required = true, doc = "the cluster's name" },
    { name = "service", type = "string", required = true, doc = "the service's name" },
    { name = "count", type = "count", required = true, doc = "tasks" },
    { name = "min", type = "count", compare = false, doc = "never fewer: a bound of the decision's own" },
    { name = "max", type = "count", compare = false, doc = "never more" },
  },
  capacities = { "count" },
  ordered = { { "min", "max" } },

  read = function(list, at)
    services.read(list, at, function(item, service)
      item.current = {
        count = service.desiredCount,
        status = service.status,
        deployments = #(service.deployments or {}),
        scheduling = service.schedulingStrategy,
      }
    end)
  end,

  -- A deployment that has not ended is one beside another: rolloutState alone does not tell, as it
  -- stays IN_PROGRESS while a service's first tasks do not start, which more tasks may mend.
  check = function(wanted, current, _, at)
    if current.status ~= "ACTIVE" then
      return { infeasible = "the service " .. wanted.service .. " is " .. tostring(current.status) .. ", not ACTIVE" }
    end
    if current.scheduling == "DAEMON" then
      return { infeasible = "the service " .. wanted.service .. " runs one task on each instance (DAEMON)" }
    end
    local names = trackers(wanted, at)
    if #names > 0 then
      return {
        infeasible = "target tracking scales " .. wanted.service .. " already (" .. table.concat(names, ", ")
          .. "); decide.ecs_autoscaling sets its bounds",
      }
    end
    if current.deployments > 1 then
      return { busy = "a deployment of " .. wanted.service .. " is in progress" }
    end
  end,

  apply = function(wanted, _, _, at)
    at:client("ecs"):update_service {
      cluster = wanted.cluster,
      service = wanted.service,
      desiredCount = wanted.count,
    }
  end,
}
