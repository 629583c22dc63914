-- Cost: where the month's bill will end, and a lower maximum before it gets there.
--
-- Use it as a brake and not as a budget: estimated charges come every few hours, in us-east-1 alone, once billing
-- alerts are switched on. The largest of several wishes for a capacity wins (rails.md): so this policy should be
-- the only one that decides this service, or the others' maximum goes on counting.

local settings = {
  cap_usd = 5000, -- a month
  cluster = "batch",
  service = "renderer", -- what can wait
  min = 0,
  max = 40,
  max_capped = 8,
}

-- How much of the month is over, 0..1.
local function month_share(now)
  local year, month = tonumber(time.format(now, "%Y")), tonumber(time.format(now, "%m"))
  local first = time.parse(("%04d-%02d-01T00:00:00Z"):format(year, month))
  local next_first = time.parse(month == 12 and ("%04d-01-01T00:00:00Z"):format(year + 1)
    or ("%04d-%02d-01T00:00:00Z"):format(year, month + 1))
  return (now - first) / (next_first - first)
end

return policy {
  name = "cost_cap",
  doc = "A brake on what can wait, by the month's bill",
  every = "1h",

  metrics = function()
    return {
      charges = cloudwatch {
        namespace = "AWS/Billing",
        name = "EstimatedCharges",
        stat = "Maximum",
        period = "6h",
        window = "2d",
        region = "us-east-1", -- there alone
        dimensions = { Currency = "USD" },
      },
    }
  end,

  evaluate = function(_, m)
    local spent = m.charges:last()
    if not spent then return end -- nobody knows: as it is
    local share = month_share(time.now())
    local expected = share > 0.1 and spent / share or spent -- the first days say little
    local over = expected > settings.cap_usd
    if over then
      issue {
        type = "cost",
        severity = spent > settings.cap_usd and "high" or "medium",
        description = ("$%.0f so far, $%.0f by the end of the month (cap $%d)"):format(
          spent, expected, settings.cap_usd),
        recommendation = ("%s is held at %d tasks; look for what is new on the bill"):format(
          settings.service, settings.max_capped),
      }
    end
    decide.ecs_autoscaling {
      cluster = settings.cluster,
      service = settings.service,
      metric = "ECSServiceAverageCPUUtilization",
      target = 80,
      min = settings.min,
      max = over and settings.max_capped or settings.max,
    }
  end,
}
