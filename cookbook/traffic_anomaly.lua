-- Traffic: requests that are not as they always are at this time, without a threshold.
--
-- Use it for what has a rhythm: requests, orders, logins. Too few of them is the incident that no error rate shows,
-- because what does not arrive does not fail. There is nothing to tune; the band is learnt from the series.

local settings = {
  unusual = 0.5, -- score, 0..1: where one should look
  likelihood = 0.3, -- that it is none of its ordinary turns: 0.5 is rarer than anything before it
}

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

return policy {
  name = "traffic_anomaly",
  doc = "Requests out of their rhythm",
  every = "5m",
  targets = targets,

  metrics = function(t)
    return {
      requests = cloudwatch {
        namespace = "GMTool/API",
        name = "RequestCount",
        stat = "Sum",
        period = "5m",
        window = "3d", -- the more it has seen, the better it knows
        dimensions = { Environment = t.environment },
      },
    }
  end,

  evaluate = function(_, m)
    local score, likelihood = m.requests:anomaly()
    local expected, low, high = m.requests:band()
    local last = m.requests:last()
    if not (score and likelihood and expected and last) then return end -- too few datapoints yet
    if score < settings.unusual or likelihood < settings.likelihood then return end
    local few = last < low
    issue {
      type = few and "traffic_missing" or "traffic_surge",
      severity = few and "high" or "medium",
      keep_firing = "15m", -- a detector gets used to what lasts: do not resolve at once
      description = ("%.0f requests in five minutes, expected were %.0f (%.0f to %.0f)"):format(last, expected, low, high),
      recommendation = few and "Can users reach it at all? DNS, certificate, the load balancer, the app's last release"
        or "A campaign, a crawler or an attack? Is there capacity for it?",
    }
  end,
}
