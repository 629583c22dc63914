-- Nothing to be said of this.
return policy {
  name = "clean",
  targets = { { environment = "prod" } },
  metrics = function(t)
    return { cpu = cloudwatch { namespace = "N", name = "Cpu", dimensions = { Environment = t.environment } } }
  end,
  evaluate = function(t, m, memo)
    local hot = m.cpu:above(90, { datapoints = 3, of = 5 })
    if hot ~= false then
      issue { type = "cpu", severity = "high", when = hot, clear = m.cpu:below(80), description = tostring(m.cpu:last()) }
    end
    memo.seen = (memo.seen or 0) + 1
  end,
}
