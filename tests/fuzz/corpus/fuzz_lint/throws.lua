local x
return policy { name = x.y, evaluate = function() end }
