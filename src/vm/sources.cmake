set(SOURCES_vm async.c budget.c build.c convert.c coroutine.c fault.c match.c memory.c pairs.c pool.c prelude.c protect.c random.c require.c sandbox.c sandbox_string.c sandbox_table.c task.c vm.c)
