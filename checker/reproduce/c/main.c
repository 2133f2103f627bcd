// SPDX-License-Identifier: GPL-2.0 OR MIT

/* Looks at one thing; gives whether it is as it must be. */
static int look(size_t number, const struct check *check)
{
	const struct step *step = &check->step;
	struct answer got = tell(step->who, step->run, step->value);
	int good = passed(check, &got);

	if (got.outcome == REFUSED && got.seen == SIGBUS && !good) {
		got.outcome = IMPOSSIBLE;
		strcpy(got.why, "userfaultfd wants to be asked first");
	}
	if (got.outcome == IMPOSSIBLE) {
		printf("ok %zu %s # SKIP %s\n", number, step->says, got.why);
		return 1;
	}
	printf("%s %zu %s\n", good ? "ok" : "not ok", number, step->says);
	if (!good && got.outcome == DONE && check->compares)
		printf("# saw %#x, expected %#x\n", got.seen,
		       expected[step->who]);
	else if (!good)
		printf("# %s\n", got.outcome == DONE ? "it was done" : got.why);
	if (got.outcome == DONE)
		remember(step);
	return good;
}

int main(void)
{
	int failures = 0;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13");
	begin();
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct answer got;

		printf("# %zu: %s\n", i, steps[i].says);
		got = tell(steps[i].who, steps[i].run, steps[i].value);
		if (got.outcome == IMPOSSIBLE) {
			printf("1..0 # SKIP step %zu: %s\n", i, got.why);
			return finish(SKIP);
		}
		if (got.outcome == WRONG) {
			printf("Bail out! step %zu: %s\n", i, got.why);
			return finish(FAIL);
		}
		if (got.outcome == REFUSED)
			printf("# the kernel refused it: %s\n", got.why);
		else
			remember(&steps[i]);
	}
	printf("1..%zu\n", sizeof(checks) / sizeof(checks[0]));
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		failures += !look(i + 1, &checks[i]);
	return finish(failures ? FAIL : PASS);
}
