-- ECS: environments that nobody uses at night go down to nothing, within change windows.
--
-- Use it for staging and demo environments. What is wanted is decided by the clock; when it may be changed is said by
-- the change windows of the policy's rails: down only in the first hour of the night, up only in the morning. A machine
-- that comes back at three in the night changes nothing until then.

local settings = {
  cluster = "gm-tool-staging",
  services = { "api" },
  utc_offset_h = 9,
  zone = "Asia/Seoul",
  night_from_h = 21,
  night_to_h = 7,
  day_count = 2,
}

local targets = {}
for i, service in ipairs(settings.services) do targets[i] = { service = service } end

local function is_night(now)
  local hour = tonumber(time.format(now + settings.utc_offset_h * 3600, "%H"))
  return hour >= settings.night_from_h or hour < settings.night_to_h
end

return policy {
  name = "night_scale_in",
  doc = "Staging sleeps at night",
  every = "5m",
  targets = targets,
  rails = {
    tolerance = 0,
    max_share = 1, -- all of them at once: that is the point
    rate_in = { add = 100, percent = 100, period = "60s" },
    change_windows = {
      { cron = ("0 %d * * *"):format(settings.night_from_h), duration = "1h", timezone = settings.zone },
      -- Not up at the weekend.
      { cron = ("0 %d * * mon-fri"):format(settings.night_to_h), duration = "1h", timezone = settings.zone },
    },
  },

  evaluate = function(t)
    decide.ecs_desired_count {
      cluster = settings.cluster,
      service = t.service,
      count = is_night(time.now()) and 0 or settings.day_count,
    }
  end,
}
