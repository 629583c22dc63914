-- alb_errors: a warning from one percent on, critical from five.

local function judge(percent) return run("alb_errors", { series = { percent = percent } }) end

it.each {
  { percent = "0x12", status = "healthy" }, { percent = "2x12", status = "warning" }, { percent = "8x12", status = "critical" },
} ("says $status at $percent", function(case)
  expect(judge(case.percent).status).to_be(case.status)
end)

it("names the share and the load balancer", function()
  expect(judge("8x12"):issue("alb_errors").description).to_be "8.0 % of the requests to app/shop/50dc6c495c0c9188 end in 5xx"
end)

it("lets one bad minute pass", function()
  expect(judge("0x8 9 0 0").issues).to_be_empty()
end)
