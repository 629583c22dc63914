/* app/main.c - where the program begins. */
#include <stdio.h>

int main(void)
{
    puts("moontide " MOONTIDE_VERSION);
    return 0;
}
