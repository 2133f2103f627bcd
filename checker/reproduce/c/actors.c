// SPDX-License-Identifier: GPL-2.0 OR MIT

/* Exit statuses of kselftest. */
enum { PASS = 0, FAIL = 1, SKIP = 4 };

/* What a step does to the contents that a process has to read. */
enum effect { KEEPS, WRITES, FORKS, ZEROES, MAY_ZERO };

/*
 * How a step ended: done; refused, by a signal; not possible here; or the
 * process saw something that must not be.
 */
enum outcome { DONE, REFUSED, IMPOSSIBLE, WRONG };

struct step {
	int who;
	void (*run)(int value);
	int value;
	enum effect effect;
	const char *says;
};

struct check {
	struct step step;
	enum outcome wanted;
	int compares;		/* what it saw, with what it has to read */
};

struct answer {
	enum outcome outcome;
	int seen;
	char why[120];
};

/* The byte that is followed, at the same place in every process. */
static volatile unsigned char *page;
static size_t length, page_size;

static int orders[PROCESSES][2], answers[PROCESSES][2];
static struct answer answer;
static sigjmp_buf end_of_step, on_signal;
static volatile sig_atomic_t caught;

/* Ends the step of this process; WHY is for the report. */
static void __attribute__((format(printf, 2, 3), noreturn))
end_step(enum outcome outcome, const char *why, ...)
{
	va_list words;

	answer.outcome = outcome;
	va_start(words, why);
	vsnprintf(answer.why, sizeof(answer.why), why, words);
	va_end(words);
	siglongjmp(end_of_step, 1);
}

static void reply(int me)
{
	if (write(answers[me][1], &answer, sizeof(answer)) != sizeof(answer))
		_exit(FAIL);
}

static void refused(int signal)
{
	caught = signal;
	siglongjmp(on_signal, 1);
}

/* One process: takes the steps it is told to take, one at a time. */
static void __attribute__((noreturn)) act(int me)
{
	struct step step;

	while (read(orders[me][0], &step, sizeof(step)) == sizeof(step)) {
		memset(&answer, 0, sizeof(answer));
		if (!sigsetjmp(end_of_step, 1))
			step.run(step.value);
		reply(me);
	}
	_exit(PASS);
}

static unsigned char expected[PROCESSES];
static int may_be_zero[PROCESSES];
static pid_t first;

static void give_up(int signal)
{
	static const char text[] =
		"Bail out! a step did not end, as after an endless fault\n";

	(void)signal;
	kill(-first, SIGKILL);
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(FAIL);
	_exit(FAIL);
}

/* Has a process take a step, and waits until it has. */
static struct answer tell(int who, void (*run)(int value), int value)
{
	struct step step = { .who = who, .run = run, .value = value };
	struct answer got = { .outcome = WRONG, .why = "the process is gone" };

	alarm(SECONDS);
	if (write(orders[who][1], &step, sizeof(step)) == sizeof(step) &&
	    read(answers[who][0], &got, sizeof(got)) != sizeof(got))
		got.outcome = WRONG;
	alarm(0);
	return got;
}

static void remember(const struct step *step)
{
	if (step->effect == WRITES)
		expected[step->who] = step->value;
	if (step->effect == ZEROES)
		expected[step->who] = 0;
	if (step->effect == WRITES || step->effect == ZEROES)
		may_be_zero[step->who] = 0;
	if (step->effect == MAY_ZERO)
		may_be_zero[step->who] = 1;
	if (step->effect == FORKS) {
		expected[step->value] = expected[step->who];
		may_be_zero[step->value] = may_be_zero[step->who];
	}
}

static int passed(const struct check *check, const struct answer *got)
{
	if (got->outcome != check->wanted)
		return 0;
	return !check->compares || got->seen == expected[check->step.who] ||
	       (may_be_zero[check->step.who] && !got->seen);
}

/* The first process is started by this one, which only watches. */
static void begin(void)
{
	int p;

	signal(SIGALRM, give_up);
	signal(SIGPIPE, SIG_IGN);
	page_size = sysconf(_SC_PAGESIZE);
	for (p = 0; p < PROCESSES; p++)
		if (pipe(orders[p]) || pipe(answers[p]))
			exit(FAIL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		exit(FAIL);
	first = fork();
	if (first < 0)
		exit(FAIL);
	setpgid(first, first);
	if (!first) {
		/* With its end closed here, an order that ends ends all. */
		for (p = 0; p < PROCESSES; p++)
			close(orders[p][1]);
		signal(SIGALRM, SIG_DFL);
		signal(SIGSEGV, refused);
		signal(SIGBUS, refused);
		act(PARENT);
	}
}

static int finish(int status)
{
	int p;

	for (p = 0; p < PROCESSES; p++)
		close(orders[p][1]);
	alarm(SECONDS);
	while (wait(NULL) > 0)
		;
	return status;
}
