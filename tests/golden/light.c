/*
 * light
 *
 * A transition system exported by ptecheck. The state is in scalars that hold nothing but bits which can matter;
 * main() picks a start and then one operation a turn, for ever. An operation that is not possible ends the run.
 */
#include <assert.h>

typedef unsigned long long word;

unsigned int __VERIFIER_nondet_uint(void);
unsigned long long __VERIFIER_nondet_ulonglong(void);
_Bool __VERIFIER_nondet_bool(void);
void __VERIFIER_assume(int condition);

static word seconds; /* the bits of 0xff */

static _Bool holds_short(void)
{
    return seconds < 0x3dULL;
}

static void check(void)
{
    assert(holds_short() && "short");
}

static void start(unsigned int way)
{
    switch (way) {
    case 0: { /* off */
        seconds = 0ULL;
        break;
    }
    default:
        __VERIFIER_assume(0);
    }
}

static void step(unsigned int operation)
{
    switch (operation) {
    case 0: { /* wait */
        const word n1 = (seconds + 7ULL) & 0xffULL;
        __VERIFIER_assume(seconds < 0x3cULL);
        seconds = n1;
        break;
    }
    case 1: { /* reset */
        __VERIFIER_assume(seconds == 0x3fULL);
        seconds = 0ULL;
        break;
    }
    default:
        __VERIFIER_assume(0);
    }
}

int main(void)
{
    start(__VERIFIER_nondet_uint());
    for (;;) {
        check();
        step(__VERIFIER_nondet_uint());
    }
}
