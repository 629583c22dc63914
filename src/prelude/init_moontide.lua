-- moontide.lua: the configuration of this project. Every field may be left out; an unknown one is an error.
return {
  environments = { "prod", "staging" }, -- the targets of policies/performance.lua
  language = "en",                      -- of issues and recommendations: "en" or "ko"
  mode = "recommend",                   -- observe | recommend | act: what decisions may do

  -- region = "ap-northeast-2",         -- default: AWS_REGION, then the profile's
  -- profile = "production",            -- default: AWS_PROFILE, then "default"
  -- settle = "60s",                    -- datapoints younger than this are not used yet
  -- record = { keep = "7d", size = "1GiB" }, -- what ticks saw, to look at again; false: nothing

  -- alerts = {                         -- who is told of what is found: docs/alerts.md
  --   receivers = {
  --     chat = { type = "slack", webhook_url = env "SLACK_WEBHOOK" },
  --     oncall = { type = "pagerduty", routing_key = env "PAGERDUTY_KEY" },
  --   },
  --   route = {
  --     receiver = "chat", group_by = { "environment", "policy" },
  --     { matchers = { "severity=high", "environment=prod" }, receiver = "oncall", continue = true },
  --   },
  -- },

  vars = {},                            -- free fields for your policies: config.vars
}
