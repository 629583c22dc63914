-- heartbeat: the dead man's switch. One request at the end of a tick; whoever misses it knows.

return receiver {
  type = "heartbeat",
  doc = "One request at the end of each tick, so that silence means trouble.",
  fields = {
    url = { "url", required = true, secret = true, doc = "what is asked" },
    method = { "string", choices = { "GET", "POST", "PUT", "HEAD" }, doc = 'default "GET"' },
    body = { "string", doc = "sent as it is" },
    headers = { "table", secret = true, doc = "by name" },
    timeout = { "duration", doc = "default 10 s" },
  },
  send = function(s)
    local answer = http.request {
      method = s.method or "GET", url = s.url, headers = s.headers, body = s.body, timeout = s.timeout or 10,
    }
    accept(answer, { html = true })
    return { answer = tostring(answer.status) }
  end,
}
