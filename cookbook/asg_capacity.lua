-- Auto Scaling group: capacity ahead of the load, by a forecast, through decide.call.
--
-- Use it for groups of instances that need minutes to start, where target tracking is always late. Any operation can be
-- a decision; it must be named in moontide.lua: allow = { "autoscaling:SetDesiredCapacity" }. The call is made once for
-- each idempotency_key: the capacity and the hour, so that the same wish is not sent at every tick.

local settings = {
  group = "render-farm",
  ahead = "15m", -- what an instance needs until it serves
  per_instance = 200, -- requests a minute that one can do
  min = 2,
  max = 50,
}

return policy {
  name = "asg_capacity",
  doc = "Instances for the load that is to come",
  every = "5m",

  metrics = function()
    return {
      requests = cloudwatch {
        namespace = "AWS/ApplicationELB",
        name = "RequestCount",
        stat = "Sum",
        period = "5m",
        window = "3d",
        dimensions = { LoadBalancer = "app/render/0123456789abcdef" },
      },
      instances = cloudwatch {
        namespace = "AWS/AutoScaling",
        name = "GroupDesiredCapacity", -- group metrics have to be switched on
        stat = "Average",
        period = "1m",
        dimensions = { AutoScalingGroupName = settings.group },
      },
    }
  end,

  evaluate = function(_, m)
    local now = m.instances:last()
    local expected, _, high = m.requests:forecast(settings.ahead, { season = "1d" })
    if not (now and expected) then return end -- too little is known: as it is
    local wanted = math.ceil(math.max(expected, (expected + high) / 2) / 5 / settings.per_instance)
    wanted = math.max(settings.min, math.min(settings.max, wanted))
    if math.abs(wanted - now) / now < 0.1 then return end -- a call has no tolerance of its own
    decide.call {
      service = "autoscaling",
      operation = "SetDesiredCapacity",
      params = { AutoScalingGroupName = settings.group, DesiredCapacity = wanted, HonorCooldown = true },
      idempotency_key = ("%s-%d-%s"):format(settings.group, wanted, time.format(time.now(), "%Y%m%d%H")),
    }
  end,
}
