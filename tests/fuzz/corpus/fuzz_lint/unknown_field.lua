return policy {
  name = "unknown_field",
  evry = "1m",
  evaluate = function() end,
}
