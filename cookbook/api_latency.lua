-- API latency: an issue while p99 stays above its limit, with room between rising and resolving.
--
-- Use it where users wait for an answer. Three of five datapoints must be slow before anybody hears of it, and it is
-- over only when p99 is clearly below: one slow minute is no incident, and a p99 that wanders about the limit is one
-- incident and not ten.

local settings = {
  slow_ms = 1000,
  fine_ms = 800, -- below this it is over
  sustained = { datapoints = 3, of = 5 },
}

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

return policy {
  name = "api_latency",
  doc = "p99 of the API against its limit",
  every = "1m",
  targets = targets,

  metrics = function(t)
    return {
      p99 = cloudwatch {
        namespace = "GMTool/API",
        name = "ResponseTime",
        stat = "p99",
        period = "1m",
        dimensions = { Environment = t.environment },
        low_samples = "ignore", -- the p99 of ten requests says nothing
      },
    }
  end,

  evaluate = function(_, m)
    local last = m.p99:last()
    issue {
      type = "api_latency",
      severity = "high",
      when = m.p99:above(settings.slow_ms, settings.sustained),
      clear = m.p99:below(settings.fine_ms),
      pending = "2m",
      description = ("API p99 is %s ms (limit %d ms)"):format(last and math.floor(last) or "?", settings.slow_ms),
      recommendation = "Look at the slowest endpoint first; was something deployed?",
    }
  end,
}
