-- lib.fleet: the kinds of resources that fleet_report.lua knows. Each is
--
--   { name, list(place, found), metrics(resource), judge(resource, recently, say) }
--
-- list calls found({ name, size, ... }) for each; metrics gives { namespace, name, stat, dimensions } by a short
-- name, of which "cpu" and "memory" are percentages; judge calls say(severity, text), with recently.<name> the mean
-- of the last hour, or nil.

local function judge_load(recently, say)
  if recently.cpu and recently.cpu >= 90 then
    say("high", ("CPU is at %.0f %%"):format(recently.cpu))
  elseif recently.cpu and recently.cpu >= 75 then
    say("medium", ("CPU is at %.0f %%"):format(recently.cpu))
  end
  if recently.memory and recently.memory >= 90 then
    say("high", ("memory is at %.0f %%"):format(recently.memory))
  elseif recently.memory and recently.memory >= 80 then
    say("medium", ("memory is at %.0f %%"):format(recently.memory))
  end
end

-- ---- ECS ----

local ecs = { name = "ECS service" }
local SERVICES_PER_CALL = 10 -- source: Amazon ECS API, DescribeServices

-- resource id -> { min, max } of what Application Auto Scaling may do to it.
local function scaling_limits(place)
  local limits, asked = {}, {}
  asked.known = place:try("limits of ECS services", function()
    local scaling = place:client("application-autoscaling")
    for target in scaling:items("describe_scalable_targets", { ServiceNamespace = "ecs" }, "ScalableTargets") do
      if target.ScalableDimension == "ecs:service:DesiredCount" then
        limits[target.ResourceId] = { min = target.MinCapacity, max = target.MaxCapacity }
      end
    end
    return true
  end)
  return limits, asked.known
end

local function describe(place, cluster, arns, limits, limits_known, found)
  local client, batches = place:client("ecs"), {}
  for i = 1, #arns, SERVICES_PER_CALL do
    batches[#batches + 1] = table.move(arns, i, math.min(i + SERVICES_PER_CALL - 1, #arns), 1, {})
  end
  place.each_at_once(batches, function(batch)
    local answer = place:try("services of " .. cluster, client.describe_services, client,
                             { cluster = cluster, services = batch })
    for _, service in ipairs(answer and answer.services or {}) do
      local limit = limits[("service/%s/%s"):format(cluster, service.serviceName)]
      found { name = cluster .. "/" .. service.serviceName, cluster = cluster, service = service.serviceName,
              desired = service.desiredCount, running = service.runningCount, status = service.status,
              deployments = service.deployments, limit = limit, limits_known = limits_known,
              size = ("%d of %d tasks"):format(service.runningCount, service.desiredCount) ..
                (limit and (", %d to %d"):format(limit.min, limit.max) or "") }
    end
  end)
end

function ecs.list(place, found)
  local client = place:client("ecs")
  local clusters = place:try("ECS clusters", function()
    local list = {}
    for arn in client:items("list_clusters", {}, "clusterArns") do list[#list + 1] = arn:match("[^/]*$") end
    return list
  end)
  if not clusters or #clusters == 0 then return end
  local limits, limits_known = scaling_limits(place)
  place.each_at_once(clusters, function(cluster)
    local arns = place:try("services of " .. cluster, function()
      local list = {}
      for arn in client:items("list_services", { cluster = cluster, maxResults = 100 }, "serviceArns") do
        list[#list + 1] = arn
      end
      return list
    end)
    if arns then describe(place, cluster, arns, limits, limits_known, found) end
  end)
end

function ecs.metrics(resource)
  local dimensions = { ClusterName = resource.cluster, ServiceName = resource.service }
  return { cpu = { "AWS/ECS", "CPUUtilization", dimensions = dimensions },
           memory = { "AWS/ECS", "MemoryUtilization", dimensions = dimensions } }
end

function ecs.judge(resource, recently, say)
  judge_load(recently, say)
  local limit = resource.limit
  if resource.desired > 0 and resource.running == 0 then
    say("high", "no task runs")
  elseif resource.running < resource.desired then
    say("medium", ("%d of %d tasks run"):format(resource.running, resource.desired))
  end
  for _, deployment in ipairs(resource.deployments or {}) do
    if deployment.rolloutState == "FAILED" then
      say("high", "a deployment failed: " .. (deployment.rolloutStateReason or ""))
    end
  end
  if limit and resource.desired >= limit.max and (recently.cpu or 0) >= 60 then
    say("high", ("it is at its most tasks (%d), and busy"):format(limit.max))
  end
  if not limit and resource.limits_known and resource.desired > 0 then say("low", "nothing scales it") end
  if recently.cpu and recently.cpu < 10 and resource.desired > (limit and limit.min or 1) then
    say("low", ("CPU is at %.0f %%: it could do with fewer tasks"):format(recently.cpu))
  end
end

-- ---- RDS ----

local rds = { name = "RDS instance" }

function rds.list(place, found)
  place:try("RDS instances", function()
    for db in place:client("rds"):items("describe_db_instances", {}, "DBInstances") do
      local most = db.MaxAllocatedStorage
      found { name = db.DBInstanceIdentifier, status = db.DBInstanceStatus, allocated = db.AllocatedStorage,
              most = most, pending = db.PendingModifiedValues,
              size = ("%s, %d GiB"):format(db.DBInstanceClass, db.AllocatedStorage or 0) ..
                (most and most > (db.AllocatedStorage or 0) and (" to %d"):format(most) or "") }
    end
    return true
  end)
end

function rds.metrics(resource)
  local dimensions = { DBInstanceIdentifier = resource.name }
  return { cpu = { "AWS/RDS", "CPUUtilization", dimensions = dimensions },
           free = { "AWS/RDS", "FreeStorageSpace", "Minimum", dimensions = dimensions } }
end

function rds.judge(resource, recently, say)
  judge_load(recently, say)
  local free = recently.free and (resource.allocated or 0) > 0 and recently.free / (resource.allocated * 2 ^ 30)
  if free and free < 0.2 then
    local left = plot.label(recently.free, "bytes")
    say(free < 0.1 and "high" or "medium", ("%.0f %% of its storage is free (%s)"):format(free * 100, left))
  end
  if resource.status ~= "available" then say("medium", "it is " .. tostring(resource.status)) end
  if not resource.most or resource.most <= (resource.allocated or 0) then
    say("low", "its storage does not grow by itself")
  end
  if resource.pending and next(resource.pending) ~= nil then say("low", "a modification is pending") end
end

-- ---- ElastiCache ----

local cache = { name = "cache cluster" }

function cache.list(place, found)
  place:try("cache clusters", function()
    for cluster in place:client("elasticache"):items("describe_cache_clusters", {}, "CacheClusters") do
      found { name = cluster.CacheClusterId, status = cluster.CacheClusterStatus,
              size = ("%s, %d node%s"):format(cluster.CacheNodeType or "?", cluster.NumCacheNodes or 1,
                                              cluster.NumCacheNodes == 1 and "" or "s") }
    end
    return true
  end)
end

function cache.metrics(resource)
  local dimensions = { CacheClusterId = resource.name }
  return { cpu = { "AWS/ElastiCache", "CPUUtilization", dimensions = dimensions },
           memory = { "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", dimensions = dimensions },
           evictions = { "AWS/ElastiCache", "Evictions", "Sum", dimensions = dimensions } }
end

function cache.judge(resource, recently, say)
  judge_load(recently, say)
  if (recently.evictions or 0) > 0 then
    say("medium", ("it evicts %.0f keys in five minutes"):format(recently.evictions))
  end
  if resource.status ~= "available" then say("medium", "it is " .. tostring(resource.status)) end
end

return { ecs, rds, cache }
