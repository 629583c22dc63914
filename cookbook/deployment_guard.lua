-- ECS: a deployment that brings errors is rolled back, and whether that helped is verified.
--
-- Use it beside the circuit breaker of ECS, which sees tasks that do not start: this one sees tasks that start well and
-- answer with errors. `collect` remembers which task definition ran before. The way back is a call, and so has to be
-- named in moontide.lua: allow = { "ecs:UpdateService" }.

local settings = {
  cluster = "shop",
  service = "api",
  balancer = "app/shop/50dc6c495c0c9188",
  errors = 50, -- 5xx in a minute
  sustained = { datapoints = 3, of = 5 },
}

return policy {
  name = "deployment_guard",
  doc = "Rolls a deployment back that brings errors",
  every = "1m",
  targets = { { cluster = settings.cluster, service = settings.service } },

  metrics = function()
    return {
      errors = cloudwatch {
        namespace = "AWS/ApplicationELB",
        name = "HTTPCode_Target_5XX_Count",
        stat = "Sum",
        period = "1m",
        dimensions = { LoadBalancer = settings.balancer },
        missing = "not_breaching",
      },
    }
  end,

  collect = function(t)
    local out = aws.client("ecs"):describe_services { cluster = t.cluster, services = { t.service } }
    local found = {}
    for _, deployment in ipairs(out.services[1] and out.services[1].deployments or {}) do
      if deployment.status == "PRIMARY" then found.id, found.new = deployment.id, deployment.taskDefinition end
      if deployment.status == "ACTIVE" then found.old = deployment.taskDefinition end -- of the deployment before
    end
    return found
  end,

  evaluate = function(t, m)
    local deploying = m.extra.old and m.extra.old ~= m.extra.new
    if not deploying or not m.errors:above(settings.errors, settings.sustained) then return end
    issue {
      type = "bad_deployment",
      severity = "high",
      keep_firing = "10m",
      description = ("%.0f errors a minute since %s is rolled out"):format(m.errors:last() or 0, m.extra.new),
      recommendation = "It is rolled back to " .. m.extra.old,
    }
    decide.call {
      service = "ecs",
      operation = "UpdateService",
      params = { cluster = t.cluster, service = t.service, taskDefinition = m.extra.old },
      idempotency_key = "rollback-" .. m.extra.id, -- once a deployment, however long the errors last
      verify = { check = "errors_gone", within = "15m", on_failure = "alert" },
    }
  end,

  checks = {
    errors_gone = function(_, m) return m.errors:below(settings.errors, { datapoints = 3, of = 3 }) end,
  },
}
