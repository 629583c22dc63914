-- ALB: the share of requests that targets answered with 5xx, computed by CloudWatch.
--
-- Use it for every load balancer. A load balancer that had no 5xx sends no datapoint of them at all: FILL makes that
-- the zero that it is, and IF keeps a single failure at night from being "50 % errors".

local settings = {
  balancers = { "app/shop/50dc6c495c0c9188" }, -- the end of the load balancer's ARN
  requests_min = 100, -- in a period: with fewer the share says nothing
  warn_percent = 1,
  bad_percent = 5,
}

return policy {
  name = "alb_errors",
  doc = "5xx of load balancers' targets",
  every = "1m",
  targets = settings.balancers,

  metrics = function(t)
    local function sum(name)
      return cloudwatch {
        namespace = "AWS/ApplicationELB",
        name = name,
        stat = "Sum",
        period = "1m",
        dimensions = { LoadBalancer = t },
      }
    end
    return {
      percent = cloudwatch {
        expression = ("IF(requests < %d, 0, 100 * FILL(errors, 0) / requests)"):format(settings.requests_min),
        period = "1m",
        using = { errors = sum "HTTPCode_Target_5XX_Count", requests = sum "RequestCount" },
      },
    }
  end,

  evaluate = function(t, m)
    local bad = m.percent:above(settings.bad_percent, { datapoints = 3, of = 5 })
    local some = m.percent:above(settings.warn_percent, { datapoints = 3, of = 5 })
    if some ~= false then
      issue {
        type = "alb_errors",
        severity = bad and "high" or "medium",
        when = some,
        description = ("%.1f %% of the requests to %s end in 5xx"):format(m.percent:last() or 0, t),
        recommendation = "Look at the targets' logs and their health; 502 and 504 are targets that died or hung",
      }
    end
  end,
}
