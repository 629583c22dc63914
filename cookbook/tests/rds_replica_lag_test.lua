-- rds_replica_lag: a threshold, and growth that is no noise.

local function judge(lag) return run("rds_replica_lag", { series = { lag = lag } }) end

it("is healthy while the lag is small and stays so", function()
  expect(judge("1 2 1 3 2 1 2 1 2 3 1 2 1 2 1 2 3 1 2 1").issues).to_be_empty()
end)

it("is high after three minutes of lag", function()
  expect(judge("1x20 40x5"):issue("replica_lag").description).to_be "gm-tool-prod-replica is 40 s behind"
end)

it("sees that it grows before it is large", function()
  local r = judge "1+1x20"
  expect(r:issue("replica_lag")).to_be_nil()
  expect(r:issue("replica_lag_grows").description).to_be "The lag of gm-tool-prod-replica grows by 1.0 s a minute"
end)

it("is unknown without data", function()
  expect(judge("_").status).to_be "unknown"
end)
