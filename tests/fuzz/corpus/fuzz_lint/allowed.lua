return policy {
  name = "allowed",
  metrics = function()
    return {
      cpu = cloudwatch { namespace = "A", name = "B" }, -- moontide: allow W-unused-metric: a person looks at it
      -- moontide: allow W-unused-metric, W-retention
      mem = cloudwatch { namespace = "A", name = "C", period = 10, window = "1d" },
      net = cloudwatch { namespace = "A", name = "D" }, -- moontide: allow W-unused-metrics
    }
  end,
  -- moontide: allow W-nil-value
  evaluate = function() isue {} end, -- moontide: allow E-unknown-name
}
