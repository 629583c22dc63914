-- ECS: target tracking on CPU, with more tasks at least while people are at work.
--
-- Use it for services with a day and a night. Target tracking follows the load; the minimum is what stands ready before
-- the load comes: at nine in the morning the first minute should not be a slow one.

local settings = {
  cluster = "shop",
  service = "api",
  utc_offset_h = 9, -- Seoul; for a zone with summer time, move the hours by hand or take both in
  days = { Mon = true, Tue = true, Wed = true, Thu = true, Fri = true },
  from_h = 8, -- an hour before people come
  to_h = 19,
  cpu = 60, -- percent
  day = { min = 6, max = 40 },
  night = { min = 2, max = 40 },
}

local function at_work(now)
  local at = now + settings.utc_offset_h * 3600
  local hour = tonumber(time.format(at, "%H"))
  return settings.days[time.format(at, "%a")] and hour >= settings.from_h and hour < settings.to_h
end

return policy {
  name = "ecs_business_hours",
  doc = "CPU target tracking, with another minimum by day",
  every = "1m",
  targets = { { cluster = settings.cluster, service = settings.service } },

  metrics = function(t)
    return {
      cpu = cloudwatch {
        namespace = "AWS/ECS",
        name = "CPUUtilization",
        stat = "Average",
        period = "1m",
        dimensions = { ClusterName = t.cluster, ServiceName = t.service },
      },
    }
  end,

  evaluate = function(t, m)
    local bounds = at_work(time.now()) and settings.day or settings.night
    issue {
      type = "ecs_saturation",
      severity = "high",
      when = m.cpu:above(90, { datapoints = 5, of = 5 }),
      clear = m.cpu:below(settings.cpu),
      description = ("%s runs at %.0f %% CPU"):format(t.service, m.cpu:last() or 0),
      recommendation = ("Is it at its most (%d tasks)? Then raise max"):format(bounds.max),
    }
    decide.ecs_autoscaling {
      cluster = t.cluster,
      service = t.service,
      metric = "ECSServiceAverageCPUUtilization",
      target = settings.cpu,
      min = bounds.min,
      max = bounds.max,
      scale_out_cooldown = "1m",
      scale_in_cooldown = "5m",
    }
  end,
}
