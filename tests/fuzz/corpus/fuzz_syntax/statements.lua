#!/usr/bin/env moontide
local a <const>, b <close> = 1, nil -- moontide: allow W-nil-value, W-never-nil
local function f(x, ...) return x, ..., select("#", ...) end
function t.a.b:c() self.x = 1 end
for i = 1, 10, 2 do if i == 3 then goto next elseif not i then break else f { i } end ::next:: end
for k, v in pairs { [1] = 0x1p4, ["x"] = [==[ ]] ]==]; 3e-2 } do print(k .. v) end
while true do repeat local z = #a // 2 ~ ~b until z >= 1 and z ~= 2 or (z << 1) == 4 end
a, t[b].c = a ^ -b, 'x\'y'
return f"x", function() end
