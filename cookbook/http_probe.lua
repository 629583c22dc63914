-- A probe: asks a health endpoint itself, and counts.
--
-- Use it for what has no metric: an endpoint in the same network, somebody else's API. `collect` may wait, so that it
-- can ask; `evaluate` judges what came of it, and `memo` counts over ticks and restarts.

local settings = {
  endpoints = { { url = "http://127.0.0.1:8080/healthz", name = "api" } },
  timeout = "3s", -- slower than this is down
  degraded = "degraded", -- a word of its answer: it serves, but something behind it does not
  failures = 3, -- one after the other
}

return policy {
  name = "http_probe",
  doc = "Health endpoints, asked from here",
  every = "30s",
  targets = settings.endpoints,

  collect = function(t)
    local ok, answer = pcall(http.get, t.url, { timeout = settings.timeout })
    if not ok then return { error = tostring(answer) } end -- refused, timed out, no such name
    return { status = answer.status, says = answer.body:sub(1, 200) }
  end,

  evaluate = function(t, m, memo)
    local probe = m.extra
    local well = probe.status and probe.status < 400
    memo.failures = well and 0 or (memo.failures or 0) + 1
    if memo.failures >= settings.failures then
      issue {
        type = "endpoint_down",
        severity = "high",
        description = ("%s: %s (%d times in a row)"):format(t.name, probe.error or "HTTP " .. probe.status, memo.failures),
        recommendation = "Is the process there? Is it the network between here and there?",
      }
    elseif well and probe.says:find(settings.degraded, 1, true) then
      issue {
        type = "endpoint_degraded",
        severity = "medium",
        description = ("%s says: %s"):format(t.name, probe.says),
        recommendation = "It serves, but something behind it does not",
      }
    end
  end,
}
