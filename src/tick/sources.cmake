set(SOURCES_tick
    alert.c
    answers.c
    changes.c
    memos.c
    table.c)
