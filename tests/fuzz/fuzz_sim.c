/* fuzz/fuzz_sim.c - any bytes as the description of a simulated fleet, and as an expression of
 * metric math over its two inputs. */
#include "../../src/tick/sim_expression.h"
#include "../../src/tick/sim_fleet.h"
#include "target.h"

#include <math.h>

static void read_fleet(const char *text, size_t len)
{
    struct sim_fleet fleet = {0};
    struct fault fault = {0};
    int code = sim_fleet_parse(text, len, "fleet.json", &fleet, &fault);
    fuzz_require(code == OK || fault.text[0]);
    if (code == OK) {
        fuzz_require(fleet.count > 0);
        sim_fleet_done(&fleet);
    }
}

static void read_expression(char *text)
{
    static struct metric inputs[2];
    struct metric_input named[2] = {{.id = "a", .metric = &inputs[0]},
                                    {.id = "b", .metric = &inputs[1]}};
    struct metric metric = {.expression = text, .period_s = 60, .inputs = named, .input_count = 2};
    struct sim_expression expression;
    struct fault fault = {0};
    if (sim_expression_parse(&metric, &expression, &fault) < 0) {
        fuzz_require(fault.text[0] != '\0');
        return;
    }
    bool uses_b = false;
    for (uint32_t i = 0; i < expression.count; i++)
        uses_b = uses_b || (expression.steps[i].op == 'i' && expression.steps[i].input == 1);
    (void)sim_expression_value(&expression, (const double[]){1.5, -2});
    double gap = sim_expression_value(&expression, (const double[]){1.5, NAN});
    fuzz_require(!uses_b || isnan(gap)); /* a missing datapoint gives no datapoint */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *exact = fuzz_copy(bytes, len), *text = fuzz_text(bytes, len);
    read_fleet(exact, len);
    read_expression(text);
    free(text);
    free(exact);
    return 0;
}
