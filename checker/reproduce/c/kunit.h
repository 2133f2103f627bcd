// SPDX-License-Identifier: GPL-2.0 OR MIT

struct kunit {
	int failures;
};

struct kunit_case {
	void (*run)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

static void expect(struct kunit *test, bool holds, const char *what, int line)
{
	if (holds)
		return;
	test->failures++;
	printf("# line %d: expected %s\n", line, what);
}

#define KUNIT_EXPECT_TRUE(test, x) expect(test, x, #x, __LINE__)
#define KUNIT_EXPECT_FALSE(test, x) expect(test, !(x), "not " #x, __LINE__)
#define KUNIT_EXPECT_EQ(test, x, y) \
	expect(test, (x) == (y), #x " == " #y, __LINE__)
#define kunit_skip(test, text) return
#define has_transparent_hugepage() 1
#define has_transparent_pud_hugepage() 1
#define KUNIT_CASE(function) { function, #function }
#define MODULE_DESCRIPTION(text) _Static_assert(1, text)
#define MODULE_LICENSE(text) _Static_assert(1, text)

static int run_suite(const struct kunit_suite *suite)
{
	const struct kunit_case *c;
	int number = 0, failed = 0;

	printf("KTAP version 1\n# Subtest: %s\n", suite->name);
	for (c = suite->test_cases; c->run; c++) {
		struct kunit test = { 0 };

		c->run(&test);
		failed += test.failures != 0;
		printf("%s %d %s\n", test.failures ? "not ok" : "ok",
		       ++number, c->name);
	}
	printf("1..%d\n", number);
	return failed != 0;
}

#define kunit_test_suite(suite) \
	int main(void) \
	{ \
		return run_suite(&suite); \
	} \
	_Static_assert(1, "")
