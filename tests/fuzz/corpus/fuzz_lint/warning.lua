return policy {
  name = "warning",
  metrics = function()
    return {
      cpu = cloudwatch { namespace = "N", name = "Cpu" },
      disk = cloudwatch { namespace = "N", name = "Disk" },
    }
  end,
  evaluate = function(_, m) issue { type = "cpu", severity = "high", when = m.cpu:above(90) } end,
}
