-- .luacheckrc: yours to change. What luacheck must know of moontide is in types/moontide, which
-- `moontide init --stubs` writes anew.
local moontide = require "types.moontide.luacheckrc"

std = "lua54"
stds = moontide.stds
files = moontide.files
exclude_files = { "types/**" }
max_line_length = false
unused_args = false
