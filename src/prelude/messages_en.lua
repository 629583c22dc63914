-- messages_en: the words of a message in English. messages_ko.lua has the same names.

local en = {}

en.code = "en"
en.severity = { high = "High", medium = "Medium", low = "Low" }
en.level = { high = "high", medium = "medium", low = "low" }
en.tag = { high = "HIGH", medium = "MEDIUM", low = "LOW", resolved = "RESOLVED", test = "TEST", none = "ALERT" }
en.state = { firing = "Firing", flapping = "Flapping", resolved = "Resolved", test = "Test" }

-- Types of the shipped policies; of others the name is spelled out.
en.types = {
  api_latency = "API latency", db_latency = "Database latency", cache_miss = "Low cache hit rate",
  cpu = "CPU load", memory = "Memory", storage = "Storage", receiver_failing = "Receiver failing",
}
function en.type_words(type)
  return en.types[type] or (type:gsub("[_%-]+", " "):gsub("^%l", string.upper))
end

en.seen, en.last, en.lowest, en.highest = "What was seen", "last", "lowest", "highest"
en.recommendation, en.actions, en.decisions = "Recommendation", "Recommended actions", "What moontide did or would do"
en.links, en.silence = "Links", "To silence this"
en.policy, en.target, en.since, en.lasted, en.key = "Policy", "Target", "Since", "Lasted", "Key"
en.status, en.limit, en.doc, en.resolved_at = "Status", "Limit", "About", "Resolved"
en.console, en.runbook, en.status_page, en.documentation = "Console", "Runbook", "Status page", "Documentation"
en.no_datapoints, en.no_value = "no datapoints", "no value"
en.impact, en.effort = "impact", "effort"
en.unnamed_type, en.unnamed_target = "Alert", "unknown target"
en.unknown = "Datapoints are missing: this is the last known state, and may be old."
en.flapping = "It has changed too often: changes are held back until it settles."
en.footer = "Sent by moontide"
en.plot_of = "Plot of %s"
en.now = "now"

function en.cut(size) return "(" .. size .. " cut)" end
function en.alerts(n) return n == 1 and "1 alert" or n .. " alerts" end
function en.more(n) return n == 1 and "1 more alert is not listed." or n .. " more alerts are not listed." end
function en.still(duration) return duration and "Still firing, " .. duration or "Still firing" end
function en.lasted_for(duration) return "lasted " .. duration end
function en.on(type, target) return type .. " on " .. target end
function en.impact_effort(impact, effort)
  if impact and effort then return "impact " .. impact .. ", effort " .. effort end
  return impact and "impact " .. impact or effort and "effort " .. effort
end
function en.counts(firing, resolved)
  if firing > 0 and resolved > 0 then return ("%d firing, %d resolved"):format(firing, resolved) end
  if resolved > 0 then return en.alerts(resolved) .. " resolved" end
  return en.alerts(firing) .. " firing"
end
function en.and_more(first, n) return first .. (n == 1 and " and 1 more" or " and " .. n .. " more") end
function en.test_title(receiver) return receiver and "Test message to " .. receiver or "Test message" end
en.test_text = "This is a test message of moontide. Nothing is wrong: it shows that messages arrive here."

-- ---- durations and times ----

local function days(n) return n == 1 and "1 day" or n .. " days" end

-- At most two units; seconds only below two minutes.
function en.duration(seconds)
  local s = math.floor(seconds)
  if s < 120 then return s .. " s" end
  local minutes = s // 60
  if minutes < 60 then return minutes .. " min" end
  local hours = minutes // 60
  if hours < 48 then
    return hours .. " h" .. (minutes % 60 > 0 and " " .. minutes % 60 .. " min" or "")
  end
  return days(hours // 24) .. (hours % 24 > 0 and " " .. hours % 24 .. " h" or "")
end

function en.relative(seconds)
  if seconds < 0 then return "in " .. en.duration(-seconds) end
  if seconds < 5 then return "just now" end
  return en.duration(seconds) .. " ago"
end

-- ---- decisions ----

en.outcome = {
  proposed = "proposed, not carried out", applied = "carried out", unchanged = "nothing to change",
  refused = "refused", failed = "failed", unknown = "outcome unknown",
}
en.kind = {
  ecs_desired_count = "Number of tasks", ecs_autoscaling = "Limits of auto scaling",
  rds_instance = "Database instance", cache_parameters = "Cache parameters",
}
-- The codes of docs/rails.md.
en.reason = {
  NO_CHANGE = "nothing differs", PAUSED = "the kill switch is on",
  FROZEN = "outside a change window, or within a freeze", UNKNOWN = "datapoints are missing",
  GATED = "a tier that this depends on is saturated", CONFLICT = "another policy wants something else",
  NOT_FEASIBLE = "it cannot be done as things are", NOT_ALLOWED = "AWS denied access",
  DRIFT = "somebody else changed the resource", BUSY = "an earlier change is still in progress",
  TOLERANCE = "too close to what is there", STABILIZING = "the stabilization window still holds",
  COOLDOWN = "the cooldown still holds", RATE = "the limit of the rate of change", AT_MIN = "at the minimum",
  AT_MAX = "at the maximum", BLAST_RADIUS = "too many changes at once",
  MODE = "the policy may only recommend",
}

return en
