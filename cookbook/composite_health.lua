-- A composite: one issue for one trouble, and no scale-out on top of a full database.
--
-- Use it where an outage raises five alerts. Latency, errors and CPU are judged together, so that people get one
-- message with the likely cause. `depends_on` names the tier below: while rds_connections is saturated, this policy
-- adds no tasks, which would only bring more connections (reason GATED).

local settings = {
  slow_ms = 1000,
  error_rate = 0.05,
  busy_percent = 80,
  most = { datapoints = 2, of = 3 },
}

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

return policy {
  name = "composite_health",
  doc = "The API as users feel it, with the likely cause",
  every = "1m",
  targets = targets,
  depends_on = { "rds_connections" },

  metrics = function(t)
    local env = { Environment = t.environment }
    return {
      p99 = cloudwatch {
        namespace = "GMTool/API",
        name = "ResponseTime",
        stat = "p99",
        period = "5m",
        dimensions = env,
      },
      errors = cloudwatch {
        namespace = "GMTool/API",
        name = "ErrorRate",
        stat = "Average",
        period = "5m",
        dimensions = env,
      },
      cpu = cloudwatch {
        namespace = "AWS/ECS",
        name = "CPUUtilization",
        stat = "Average",
        period = "5m",
        dimensions = { ClusterName = "gm-tool-" .. t.environment, ServiceName = "api" },
      },
    }
  end,

  evaluate = function(t, m)
    local slow = m.p99:above(settings.slow_ms, settings.most)
    local failing = m.errors:above(settings.error_rate, settings.most)
    local busy = m.cpu:above(settings.busy_percent, settings.most)
    local felt = slow or failing -- nil: nobody can tell
    if slow == nil or failing == nil then felt = felt or nil end

    issue {
      type = "api_unwell",
      severity = (slow and failing) and "high" or "medium",
      when = felt,
      pending = "2m",
      description = ("API: p99 %.0f ms, %.1f %% errors, CPU %.0f %%"):format(
        m.p99:last() or 0, 100 * (m.errors:last() or 0), m.cpu:last() or 0),
      recommendation = busy and "It is short of CPU: more tasks help" or "CPU is not the cause: look at what it waits for",
    }
    if felt and busy then
      decide.ecs_autoscaling {
        cluster = "gm-tool-" .. t.environment,
        service = "api",
        metric = "ECSServiceAverageCPUUtilization",
        target = 50,
        min = 4,
        max = 20,
        verify = { check = "well", within = "30m", on_failure = "alert" },
      }
    end
  end,

  checks = {
    well = function(_, m) return m.p99:below(settings.slow_ms) end,
  },
}
