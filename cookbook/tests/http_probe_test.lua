-- http_probe: three failures in a row, counted in memo.

local API = { name = "api", url = "http://127.0.0.1:8080/healthz" }
local function judge(extra, failures)
  return run("http_probe", { target = API, extra = extra, memo = failures and { failures = failures } })
end

it("is healthy when it is told so", function()
  local r = judge({ status = 200, says = "ok" }, 2)
  expect(r.issues).to_be_empty()
  expect(r.memo.failures).to_be(0) -- a good answer starts over
end)

it("counts failures over ticks, and speaks at the third", function()
  local r = judge { status = 503, says = "" }
  expect(r.issues).to_be_empty()
  r = r:ticks(2)
  expect(r:issue("endpoint_down").description).to_be "api: HTTP 503 (3 times in a row)"
end)

it("says why it could not be asked", function()
  expect(judge({ error = "connection refused" }, 4):issue("endpoint_down").description).to_contain "connection refused (5 times"
end)

it("hears what is degraded", function()
  expect(judge({ status = 200, says = "degraded: cache" }):issue("endpoint_degraded")).to_have { severity = "medium" }
end)
