local limit = { low = 20, high = 90, many = { datapoints = 20, of = 24 } }
local calls = 0
return policy {
  name = "many",
  mode = "act",
  metrics = function(t)
    return {
      cpu = cloudwatch { namespace = "A", name = "B" },
      mem = cloudwatch { namespace = "A", name = "C", missing = "breaching" },
      unused = cloudwatch { namespace = "A", name = "D" },
      slow = cloudwatch { namespace = "A", name = "E", period = "1m", window = "20d" }, -- moontide: allow W-retention
    }
  end,
  evaluate = function(t, m, memo)
    calls = calls + 1
    local p = m.cpu:last()
    if p > 5 then log.info("x", m.slow:mean()) end
    if m.mem:above(3) == nil then isue {} end
    if m.cpu:above(100) then
      decide.ecs_desired_count { cluster = "a", service = "b", count = memo.count or 5 }
    elseif m.cpu:above(200) then
      issue { type = "a", severity = "hgih", wen = 1 }
    else
      decide.ecs_desired_count { cluster = "a", service = "b", count = 5, cont = 3 }
    end
    if m.cpu:above(limit.high, limit.many) then m.cpx:last() end
    if (m.cpu:last() or 0) < limit.low then decide.ecs_desired_cont { } end
    issue { type = "a", severity = "high", when = m.cpu:above(1000), clear = m.cpu:below(1200) }
    m.cpu:abov(5)
  end,
}
