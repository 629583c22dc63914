-- asg_capacity: instances for what is to come in fifteen minutes.

-- Three days of 5-minute sums, up and down once a day; `scale` makes it more or less.
local function days(scale)
  local values = {}
  for i = 1, 864 do values[i] = math.floor(scale * (12000 + 6000 * math.sin(2 * math.pi * i / 288))) end
  return values
end
local function judge(requests, instances, allow)
  return run("asg_capacity", { mode = "act", series = { requests = requests, instances = instances },
                               config = { allow = allow or { "autoscaling:SetDesiredCapacity" } } })
end

it("asks for what the load will need", function()
  local call = judge(days(1), "5x5"):decision "call"
  expect(call.wanted.params.AutoScalingGroupName).to_be "render-farm"
  expect(call.wanted.params.DesiredCapacity).to_be(13) -- 13,000 requests in five minutes
end)

it("keeps within its bounds", function()
  expect(judge(days(100), "5x5"):decision("call").wanted.params.DesiredCapacity).to_be(50)
  expect(judge(days(0.001), "5x5"):decision("call").wanted.params.DesiredCapacity).to_be(2)
end)

it("does not bother with small differences", function()
  expect(judge(days(0.001), "2x5").decisions).to_be_empty()
end)

it("leaves it as it is while too little is known", function()
  expect(judge({ 1, 2, 3 }, "5x5").decisions).to_be_empty()
  expect(judge(days(1), "_").decisions).to_be_empty()
end)
