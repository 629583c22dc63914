-- Several regions: each region's targets in that region, and one word on whether traffic should move.
--
-- Use it for services that run in more than one region. `region` of a metric asks that region's CloudWatch (all that are
-- asked at once go out together), and `region` of a target is a label that alerts can be routed by.

local settings = {
  regions = { "ap-northeast-2", "eu-west-1" },
  canary = "shop-checkout", -- CloudWatch Synthetics: the same name in each region
  success_percent = 90,
}

local targets = {}
for i, region in ipairs(settings.regions) do targets[i] = { region = region } end

return policy {
  name = "multi_region",
  doc = "Whether each region serves",
  every = "1m",
  targets = targets,

  metrics = function(t)
    local declared = {}
    for _, region in ipairs(settings.regions) do -- its own, and the others': is there one to move to?
      declared[region == t.region and "here" or region] = cloudwatch {
        namespace = "CloudWatchSynthetics",
        name = "SuccessPercent",
        stat = "Average",
        period = "5m",
        region = region,
        dimensions = { CanaryName = settings.canary },
        missing = "breaching", -- a canary that does not report is no good sign
      }
    end
    return declared
  end,

  evaluate = function(t, m)
    local down = m.here:below(settings.success_percent, { datapoints = 2, of = 3 })
    if not down then return end
    local refuge
    for _, region in ipairs(settings.regions) do -- below() is true without data, so false means that it is well
      local well = region ~= t.region and m[region]:below(settings.success_percent, { datapoints = 1, of = 3 }) == false
      if well then refuge = region end
    end
    issue {
      type = "region_down",
      severity = "high",
      keep_firing = "10m",
      description = ("%s: the canary's runs fail, or do not come"):format(t.region),
      recommendation = refuge and ("Move traffic to " .. refuge) or "No region is well: this is not about a region",
    }
    if refuge then
      recommend {
        type = "traffic",
        action = ("Weight %s to 0, %s takes it"):format(t.region, refuge),
        impact = "high",
        effort = "low",
      }
    end
  end,
}
