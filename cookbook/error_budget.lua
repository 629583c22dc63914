-- Error budget: how fast the budget of an objective burns, over a long and a short window at once.
--
-- Use it in place of a limit on the error rate, where an objective says how much may fail in 30 days. The long window
-- says that it matters, the short one that it is still going on (the multiwindow, multi-burn-rate alerts of Google's
-- SRE workbook). At 14.4 times the sustainable rate two percent of the month's budget are gone within an hour.

local settings = {
  objective = 0.999, -- of requests, in 30 days
  fast = { long = 3600, short = 5 * 60, burn = 14.4 }, -- seconds
  slow = { long = 6 * 3600, short = 30 * 60, burn = 6 },
}

local targets = {}
for i, environment in ipairs(config.environments) do targets[i] = { environment = environment } end

local function sum_since(series, since)
  if series:len() == 0 then return 0 end -- values() would say that the series is unknown
  local total, values, times = 0, series:values()
  for i, value in ipairs(values) do
    if times[i] >= since then total = total + value end
  end
  return total
end

-- How many times too fast the budget went since then; nil without requests. No datapoint of errors is no error.
local function burn(m, since)
  local requests = sum_since(m.requests, since)
  if requests == 0 then return nil end
  return sum_since(m.errors, since) / requests / (1 - settings.objective)
end

return policy {
  name = "error_budget",
  doc = "Burn rate of the availability objective",
  every = "1m",
  targets = targets,

  metrics = function(t)
    local function sum(name)
      return cloudwatch {
        namespace = "Shop/API",
        name = name,
        stat = "Sum",
        period = "5m",
        window = "6h",
        dimensions = { Environment = t.environment },
      }
    end
    return { errors = sum "Errors", requests = sum "Requests" }
  end,

  evaluate = function(_, m)
    local _, newest = m.requests:at(-1)
    if not newest then return end -- no data: every state stays as it is
    for name, w in pairs { fast = settings.fast, slow = settings.slow } do
      local long, short = burn(m, newest + 300 - w.long), burn(m, newest + 300 - w.short)
      local burning = nil
      if long and short then burning = long > w.burn and short > w.burn end
      issue {
        type = "error_budget",
        key = name, -- the two windows are two alerts
        severity = name == "fast" and "high" or "medium",
        when = burning,
        description = ("The error budget burns %.1f times too fast (%.1f in the short window)"):format(
          long or 0, short or 0),
        recommendation = "Roll back what was released last; at this rate the month's budget is gone early",
      }
    end
  end,
}
