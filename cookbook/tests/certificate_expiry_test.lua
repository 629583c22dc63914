-- certificate_expiry: low weeks before, high in the last week.

local function judge(days) return run("certificate_expiry", { series = { days = days } }) end

it.each {
  { days = 90, severity = nil }, { days = 29, severity = "low" }, { days = 6, severity = "high" },
} ("is right with $days days left", function(case)
  local found = judge(case.days):issue "certificate_expiry"
  expect(found and found.severity).to_be(case.severity)
end)

it("names the certificate", function()
  expect(judge(6):issue("certificate_expiry").description)
    .to_be "The certificate 12345678-1234-1234-1234-123456789012 ends in 6 days"
end)

it("is unknown without data", function()
  expect(judge("_").status).to_be "unknown"
end)
