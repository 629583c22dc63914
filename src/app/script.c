/* app/script.c - `moontide script` and `moontide eval`. */
#include "moontide/app/code.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <string.h>

int command_script(const struct arguments *arguments)
{
    struct code code;
    struct fault fault;
    if (code_open(&code, arguments)) return 1;
    code_interrupt_on_sigint(&code, true);
    if (script_run_file(code.script, arguments->operands[0], arguments->operands + 1,
                        arguments->operand_count - 1, code_done, &code, &fault) < 0) {
        print_fault(&fault);
        code.exit_status = 1;
    } else if (!code.over) {
        loop_run(code.instance.loop);
    }
    code_close(&code);
    return code.exit_status;
}

int command_eval(const struct arguments *arguments)
{
    const char *text = arguments->operands[0];
    struct code code;
    bool incomplete = false;
    if (code_open(&code, arguments)) return 1;
    code_interrupt_on_sigint(&code, true);
    if (script_run_text(code.script, text, strlen(text), "=(eval)", true, &incomplete, code_done,
                        &code) < 0) {
        fprintf(stderr, "moontide eval: %s\n",
                incomplete ? "the expression is not complete" : "out of memory");
        code.exit_status = 1;
    } else if (!code.over) {
        loop_run(code.instance.loop);
    }
    code_close(&code);
    return code.exit_status;
}
