-- Discovery: every ECS service of a cluster is a target, also the one that is deployed tomorrow.
--
-- Use it where services come and go. `targets` is a function that asks AWS and may wait; it runs again every
-- `discover`. A service that is wanted and does not run is found without anybody having named it here.

local settings = {
  cluster = "gm-tool-prod",
  discover = "10m",
}

return policy {
  name = "discover_services",
  doc = "All services of a cluster run as many tasks as they should",
  every = "1m",
  discover = settings.discover,

  targets = function()
    local ecs, found = aws.client "ecs", {}
    for arn in ecs:items("list_services", { cluster = settings.cluster }, "serviceArns") do
      found[#found + 1] = { cluster = settings.cluster, service = arn:match("[^/]+$") }
    end
    return found
  end,

  metrics = function(t)
    local function of(name)
      return cloudwatch {
        namespace = "ECS/ContainerInsights", -- has to be switched on for the cluster
        name = name,
        stat = "Average",
        period = "1m",
        dimensions = { ClusterName = t.cluster, ServiceName = t.service },
      }
    end
    return { running = of "RunningTaskCount", wanted = of "DesiredTaskCount" }
  end,

  evaluate = function(t, m)
    local running, wanted = m.running:last(), m.wanted:last()
    local short = nil
    if running and wanted then short = running < wanted end
    issue {
      type = "tasks_missing",
      severity = running == 0 and "high" or "medium",
      when = short,
      pending = "5m", -- a deployment takes its time
      description = ("%s runs %.0f of %.0f tasks"):format(t.service, running or 0, wanted or 0),
      recommendation = "Why do tasks stop? Look at the service's events and the stopped tasks' reason",
    }
  end,
}
