-- messages_ko: the words of a message in Korean. messages_en.lua has the same names.

local ko = {}

ko.code = "ko"
ko.severity = { high = "높음", medium = "보통", low = "낮음" }
ko.level = ko.severity
ko.tag = { high = "높음", medium = "보통", low = "낮음", resolved = "해결", test = "시험", none = "경보" }
ko.state = { firing = "발생 중", flapping = "반복 변동", resolved = "해결됨", test = "시험" }

ko.types = {
  api_latency = "API 응답 지연", db_latency = "데이터베이스 지연", cache_miss = "낮은 캐시 적중률",
  cpu = "CPU 부하", memory = "메모리", storage = "저장 공간", receiver_failing = "수신자 장애",
}
function ko.type_words(type)
  return ko.types[type] or (type:gsub("[_%-]+", " "))
end

ko.seen, ko.last, ko.lowest, ko.highest = "관측 내용", "최근", "최저", "최고"
ko.recommendation, ko.actions, ko.decisions = "권고", "권장 조치", "moontide의 조치 및 제안"
ko.links, ko.silence = "링크", "이 경보를 잠시 끄려면"
ko.policy, ko.target, ko.since, ko.lasted, ko.key = "정책", "대상", "시작", "지속 시간", "키"
ko.status, ko.limit, ko.doc, ko.resolved_at = "상태", "한도", "설명", "해결"
ko.console, ko.runbook, ko.status_page, ko.documentation = "콘솔", "런북", "상태 페이지", "문서"
ko.no_datapoints, ko.no_value = "데이터 없음", "값 없음"
ko.impact, ko.effort = "효과", "작업량"
ko.unnamed_type, ko.unnamed_target = "경보", "알 수 없는 대상"
ko.unknown = "데이터가 들어오지 않아 마지막으로 확인된 상태를 표시합니다. 현재와 다를 수 있습니다."
ko.flapping = "상태가 너무 자주 바뀌어, 안정될 때까지 변경 알림을 보류합니다."
ko.footer = "moontide에서 보냄"
ko.plot_of = "%s 그래프"
ko.now = "지금"

-- Whether a word ends in a consonant, as it is read aloud; and whether that is ㄹ. Digits and Latin letters
-- are read by their names (일, 엘, 엠, 엔, 알). Source: Unicode, section 3.12, of Hangul syllables.
local FINAL <const> = { ["0"] = 21, ["1"] = 8, ["3"] = 16, ["6"] = 1, ["7"] = 8, ["8"] = 8,
                        l = 8, m = 16, n = 4, r = 8 }
local function final_of(word)
  local at = utf8.len(word) and utf8.offset(word, -1)
  if not at then return 0 end
  local code = utf8.codepoint(word, at)
  if code >= 0xac00 and code <= 0xd7a3 then return (code - 0xac00) % 28 end
  return FINAL[word:sub(at):lower()] or 0
end

-- with_particle("서버", "은", "는") is "서버는"; (으)로 counts ㄹ as a vowel.
local function with_particle(word, after_consonant, after_vowel)
  local final = final_of(word)
  if final == 8 and after_vowel == "로" then final = 0 end
  return word .. (final ~= 0 and after_consonant or after_vowel)
end
ko.with_particle = with_particle

function ko.cut(size) return "(" .. size .. " 생략)" end
function ko.alerts(n) return "경보 " .. n .. "건" end
function ko.more(n) return "그 밖의 경보 " .. n .. "건은 표시하지 않았습니다." end
function ko.still(duration) return duration and "계속 발생 중, " .. duration .. "째" or "계속 발생 중" end
function ko.lasted_for(duration) return duration .. "간 지속" end
function ko.on(type, target) return type .. " · " .. target end
function ko.impact_effort(impact, effort)
  if impact and effort then return "효과 " .. impact .. ", 작업량 " .. effort end
  return impact and "효과 " .. impact or effort and "작업량 " .. effort
end
function ko.counts(firing, resolved)
  if firing > 0 and resolved > 0 then return ("발생 %d건, 해결 %d건"):format(firing, resolved) end
  if resolved > 0 then return ko.alerts(resolved) .. " 해결" end
  return ko.alerts(firing) .. " 발생"
end
function ko.and_more(first, n) return first .. " 외 " .. n .. "건" end
function ko.test_title(receiver)
  return receiver and with_particle(receiver, "으로", "로") .. " 보내는 시험 메시지" or "시험 메시지"
end
ko.test_text = "moontide의 시험 메시지입니다. 문제가 있는 것이 아니라, 메시지가 이곳에 도착하는지 확인하는 것입니다."

-- ---- durations and times ----

function ko.duration(seconds)
  local s = math.floor(seconds)
  if s < 120 then return s .. "초" end
  local minutes = s // 60
  if minutes < 60 then return minutes .. "분" end
  local hours = minutes // 60
  if hours < 48 then return hours .. "시간" .. (minutes % 60 > 0 and " " .. minutes % 60 .. "분" or "") end
  return hours // 24 .. "일" .. (hours % 24 > 0 and " " .. hours % 24 .. "시간" or "")
end

function ko.relative(seconds)
  if seconds < 0 then return ko.duration(-seconds) .. " 후" end
  if seconds < 5 then return "방금" end
  return ko.duration(seconds) .. " 전"
end

-- ---- decisions ----

ko.outcome = {
  proposed = "제안됨, 실행하지 않음", applied = "실행됨", unchanged = "변경할 것 없음",
  refused = "거부됨", failed = "실패", unknown = "결과를 알 수 없음",
}
ko.kind = {
  ecs_desired_count = "태스크 수", ecs_autoscaling = "오토 스케일링 한도",
  rds_instance = "데이터베이스 인스턴스", cache_parameters = "캐시 파라미터",
}
ko.reason = {
  NO_CHANGE = "달라지는 것이 없음", PAUSED = "중지 스위치가 켜져 있음",
  FROZEN = "변경 허용 시간이 아니거나 동결 기간임", UNKNOWN = "데이터가 없음",
  GATED = "의존하는 계층이 포화 상태임", CONFLICT = "다른 정책이 다른 값을 원함",
  NOT_FEASIBLE = "지금 상태에서는 할 수 없음", NOT_ALLOWED = "AWS가 접근을 거부함",
  DRIFT = "다른 누군가가 리소스를 변경함", BUSY = "이전 변경이 아직 진행 중임",
  TOLERANCE = "현재 값과 차이가 너무 작음", STABILIZING = "안정화 시간이 아직 끝나지 않음",
  COOLDOWN = "쿨다운이 아직 끝나지 않음", RATE = "변경 속도 한도에 걸림", AT_MIN = "최솟값에 도달함",
  AT_MAX = "최댓값에 도달함", BLAST_RADIUS = "한 번에 변경하는 대상이 너무 많음",
  MODE = "이 정책은 권고만 할 수 있음",
}

return ko
