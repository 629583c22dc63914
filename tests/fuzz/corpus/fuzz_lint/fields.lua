local unit = cloudwatch { namespace = "A", name = "B", unit = "Precent" }
return policy {
  name = "two words",
  every = "often",
  mode = "acts",
  rails = { max_shares = 0.5 },
  metrics = function(t)
    return {
      a = unit,
      b = cloudwatch { namespace = "A", name = "B", stat = "avg", period = "7s", window = "1s", missing = "zero" },
      c = cloudwatch {
        name = "B",
      },
    }
  end,
}
