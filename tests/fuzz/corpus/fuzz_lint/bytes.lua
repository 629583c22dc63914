return policy { name = "bytes", evaluate = function()
  local text = "\xff\x01 ÿþ" isue {}
end }
