/*
 * light
 *
 * A transition system exported by ptecheck. SPIN stores one state more than are reachable: its own before the start.
 *
 *     spin -a FILE && gcc -O2 -DSAFETY -DNOCLAIM -DBFS -o pan pan.c && ./pan -E
 *
 * -DBFS finds a shortest counterexample, -E is for states in which nothing is possible, -A counts all states in spite of
 * violations. An error "at depth N" is N operations after the start.
 */

c_decl {
    typedef unsigned long long word;
}

unsigned seconds : 8; /* the bits of 0xff */

c_code { static inline word get_seconds(void) { return ((word)now.seconds & 0xffULL); } }
c_code { static inline void set_seconds(word value) { now.seconds = (value & 0xffULL); } }

c_code {
static int holds_short(void)
{
    const word seconds = get_seconds();
    return seconds < 0x3dULL;
}
}

c_code {
/* off */
static void start_0(void)
{
    set_seconds(0ULL);
}
}

c_code {
/* wait */
static int can_0(void)
{
    const word seconds = get_seconds();
    return seconds < 0x3cULL;
}
}

c_code {
static void step_0(void)
{
    const word seconds = get_seconds();
    const word n1 = (seconds + 7ULL) & 0xffULL;
    set_seconds(n1);
}
}

c_code {
/* reset */
static int can_1(void)
{
    const word seconds = get_seconds();
    return seconds == 0x3fULL;
}
}

c_code {
static void step_1(void)
{
    const word n1 = 0ULL;
    set_seconds(n1);
}
}

active proctype system()
{
    if
    :: d_step { c_code { start_0(); }; assert(c_expr { (holds_short()) }) }
    fi;
    do
    :: d_step { c_expr { (can_0()) } -> c_code { step_0(); }; assert(c_expr { (holds_short()) }) } /* wait */
    :: d_step { c_expr { (can_1()) } -> c_code { step_1(); }; assert(c_expr { (holds_short()) }) } /* reset */
    od
}
