/* tick/sim_expression.c - a recursive descent parser that writes postfix steps, and their run.
 *
 *   sum     = product { ("+" | "-") product }
 *   product = factor { ("*" | "/") factor }
 *   factor  = ("-" | "+") factor | number | id | "(" sum ")"
 */
#include "sim_expression.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const struct metric *metric;
    const char *at;
    struct sim_expression *out;
    struct fault *fault;
    int depth; /* of factors within factors */
    int stack; /* values on the stack where the parser stands */
};

static int sum(struct parser *p);

static void skip_space(struct parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

static int refuse(const struct parser *p, int code, const char *what)
{
    size_t at = (size_t)(p->at - p->metric->expression) + 1;
    return fault_set(p->fault, code,
                     "the simulated world cannot compute \"%s\": %s at character %zu (it knows "
                     "+ - * / and parentheses over numbers and the names in `using`)",
                     p->metric->expression, what, at);
}

static int emit(struct parser *p, struct sim_step step)
{
    if (p->out->count == SIM_STEPS_MAX) return refuse(p, ERR_UNSUPPORTED, "too long");
    if (step.op == 'n' || step.op == 'i')
        p->stack++;
    else if (step.op != '~')
        p->stack--;
    if (p->stack > SIM_STACK_MAX) return refuse(p, ERR_UNSUPPORTED, "too deep");
    p->out->steps[p->out->count++] = step;
    return OK;
}

static int number(struct parser *p)
{
    /* strtod() also reads hexadecimal, inf and nan; these do not begin with a digit or a point, or
     * leave an id behind that is refused. */
    char *end = NULL;
    double value = strtod(p->at, &end);
    if (end == p->at || !isfinite(value) || (p->at[0] == '0' && (p->at[1] | 32) == 'x'))
        return refuse(p, ERR_INVALID, "not a number");
    p->at = end;
    return emit(p, (struct sim_step){.op = 'n', .number = value});
}

static int name(struct parser *p)
{
    const char *begin = p->at;
    const char *end = begin;
    while (isalnum((unsigned char)*end) || *end == '_')
        end++;
    const char *after = end;
    while (isspace((unsigned char)*after))
        after++;
    if (*after == '(') return refuse(p, ERR_UNSUPPORTED, "a function");
    size_t len = (size_t)(end - begin);
    for (uint32_t i = 0; i < p->metric->input_count; i++) {
        const char *id = p->metric->inputs[i].id;
        if (strlen(id) != len || memcmp(id, begin, len) != 0) continue;
        p->at = end;
        return emit(p, (struct sim_step){.op = 'i', .input = i});
    }
    return refuse(p, ERR_INVALID, "a name that `using` does not have");
}

static int factor(struct parser *p)
{
    skip_space(p);
    char c = *p->at;
    if (isdigit((unsigned char)c) || c == '.') return number(p);
    if (isalpha((unsigned char)c)) return name(p);
    if (c != '(' && c != '-' && c != '+') {
        if (c == '\0') return refuse(p, ERR_INVALID, "the end comes too early");
        return refuse(p, ERR_UNSUPPORTED, "something else");
    }
    if (p->depth == SIM_STACK_MAX) return refuse(p, ERR_UNSUPPORTED, "too deep");
    p->depth++;
    p->at++;
    int code = c == '(' ? sum(p) : factor(p);
    if (code == OK && c == '-') code = emit(p, (struct sim_step){.op = '~'});
    if (code == OK && c == '(') {
        skip_space(p);
        if (*p->at != ')') return refuse(p, ERR_INVALID, "a parenthesis is not closed");
        p->at++;
    }
    p->depth--;
    return code;
}

static int product(struct parser *p)
{
    int code = factor(p);
    while (code == OK) {
        skip_space(p);
        char op = *p->at;
        if (op != '*' && op != '/') break;
        p->at++;
        code = factor(p);
        if (code == OK) code = emit(p, (struct sim_step){.op = op});
    }
    return code;
}

static int sum(struct parser *p)
{
    int code = product(p);
    while (code == OK) {
        skip_space(p);
        char op = *p->at;
        if (op != '+' && op != '-') break;
        p->at++;
        code = product(p);
        if (code == OK) code = emit(p, (struct sim_step){.op = op});
    }
    return code;
}

int sim_expression_parse(const struct metric *metric, struct sim_expression *out,
                         struct fault *fault)
{
    struct parser p = {.metric = metric, .at = metric->expression, .out = out, .fault = fault};
    out->count = 0;
    int code = sum(&p);
    if (code == OK && *p.at != '\0') code = refuse(&p, ERR_UNSUPPORTED, "something else");
    return code;
}

double sim_expression_value(const struct sim_expression *expression, const double *inputs)
{
    double stack[SIM_STACK_MAX + 1];
    size_t n = 0;
    for (uint32_t i = 0; i < expression->count; i++) {
        const struct sim_step *step = &expression->steps[i];
        if (step->op == 'n' || step->op == 'i') {
            stack[n++] = step->op == 'n' ? step->number : inputs[step->input];
            continue;
        }
        if (step->op == '~') {
            stack[n - 1] = -stack[n - 1];
            continue;
        }
        double b = stack[--n], *a = &stack[n - 1];
        switch (step->op) {
        case '+': *a += b; break;
        case '-': *a -= b; break;
        case '*': *a *= b; break;
        default: *a = b == 0 ? NAN : *a / b;
        }
    }
    return isfinite(stack[0]) ? stack[0] : NAN;
}
