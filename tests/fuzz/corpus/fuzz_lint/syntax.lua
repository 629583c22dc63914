return policy {
  name = "syntax",
  evaluate = = function() end,
}
