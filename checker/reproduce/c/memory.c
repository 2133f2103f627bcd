// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Calls that map, touch, protect and share memory.
 *
 * A program takes the functions that it needs, with whatever they use. The
 * pieces are what stands between empty lines at the left margin.
 */

/* Stores VALUE; gives the signal that this raised, or 0. */
static int try_store(unsigned char value)
{
	if (sigsetjmp(on_signal, 1))
		return caught;
	*page = value;
	return 0;
}

static void advise(size_t size, int advice, const char *name)
{
	if (madvise((void *)page, size, advice))
		end_step(IMPOSSIBLE, "%s: %s", name, strerror(errno));
}

/* The number in a file of /sys or /proc, or -1. */
static long read_number(const char *path)
{
	long number = -1;
	FILE *file = fopen(path, "r");

	if (file && fscanf(file, "%ld", &number) != 1)
		number = -1;
	if (file)
		fclose(file);
	return number;
}

/* Whether the page is mapped by a PMD: AnonHugePages of its mapping. */
static int is_huge(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	char line[256];
	long huge = 0;
	int here = 0;

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (uintptr_t)page && (uintptr_t)page < to;
		else if (here && sscanf(line, "AnonHugePages: %ld", &huge) == 1)
			break;
	}
	if (smaps)
		fclose(smaps);
	return here && huge;
}

/* A mapping of LENGTH bytes that begins where a huge page can. */
static void reserve(int protection)
{
	static const char where[] =
		"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
	long huge = read_number(where);
	uintptr_t place;
	char *found;

	length = huge > 0 ? (size_t)huge : page_size;
	found = mmap(NULL, 2 * length, protection, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (found == MAP_FAILED)
		end_step(IMPOSSIBLE, "mmap: %s", strerror(errno));
	place = ((uintptr_t)found + length - 1) / length * length;
	page = (unsigned char *)place;
}

static void want_huge(void)
{
	if (length == page_size)
		end_step(IMPOSSIBLE, "no transparent huge pages here");
	advise(length, MADV_HUGEPAGE, "MADV_HUGEPAGE");
}

static void want_small(void)
{
	if (length > page_size)
		advise(length, MADV_NOHUGEPAGE, "MADV_NOHUGEPAGE");
}

static void map_huge_page(int value)
{
	reserve(PROT_READ | PROT_WRITE);
	want_huge();
	*page = value;
	if (!is_huge())
		end_step(IMPOSSIBLE, "the kernel had no huge page to give");
}

static void map_small_page(int value)
{
	reserve(PROT_READ | PROT_WRITE);
	want_small();
	*page = value;
}

static void map_nothing(int value)
{
	(void)value;
	reserve(PROT_READ | PROT_WRITE);
}

/* Ends the step where a signal refused it; SIGBUS is userfaultfd's. */
static void end_refused(void)
{
	answer.seen = caught;
	end_step(REFUSED, "%s", strsignal(caught));
}

static void load(int value)
{
	(void)value;
	if (sigsetjmp(on_signal, 1))
		end_refused();
	answer.seen = *page;
}

static void store(int value)
{
	if (try_store(value))
		end_refused();
	answer.seen = *page;
}

/* A store that leaves the contents as they are. */
static void store_same(int value)
{
	(void)value;
	if (sigsetjmp(on_signal, 1))
		end_refused();
	*page = *page;
}

/* A write fault without a store: the contents stay as they are. */
static void write_fault(int value)
{
	(void)value;
	advise(page_size, MADV_POPULATE_WRITE, "MADV_POPULATE_WRITE");
}

static void touch_small_read(int value)
{
	want_small();
	load(value);
}

static void touch_small_write(int value)
{
	want_small();
	write_fault(value);
}

static void touch_huge_read(int value)
{
	want_huge();
	load(value);
}

static void touch_huge_write(int value)
{
	want_huge();
	write_fault(value);
	if (!is_huge())
		end_step(IMPOSSIBLE, "the kernel had no huge page to give");
}

/* What a new child has to forget of its parent's. */
static void (*in_child)(void);

/* The child takes the place of process CHILD. */
static void fork_process(int child)
{
	pid_t pid = fork();

	if (pid < 0)
		end_step(IMPOSSIBLE, "fork: %s", strerror(errno));
	if (!pid) {
		if (in_child)
			in_child();
		act(child);
	}
}

static void leave(int me)
{
	reply(me);
	_exit(PASS);
}

/* The last small page is given back, so the PMD has to become PTEs. */
static void split_huge_page(int value)
{
	char *last = (char *)page + length - page_size;

	(void)value;
	if (madvise(last, page_size, MADV_DONTNEED))
		end_step(IMPOSSIBLE, "MADV_DONTNEED: %s", strerror(errno));
	if (is_huge())
		end_step(IMPOSSIBLE, "the huge page was not split");
}

static void collapse(int value)
{
	(void)value;
	want_huge();
	advise(length, MADV_COLLAPSE, "MADV_COLLAPSE");
	if (!is_huge())
		end_step(IMPOSSIBLE, "the pages were not collapsed");
}

static void protect(int protection)
{
	if (mprotect((void *)page, length, protection))
		end_step(IMPOSSIBLE, "mprotect: %s", strerror(errno));
}

static void protect_read(int value)
{
	(void)value;
	protect(PROT_READ);
}

static void protect_write(int value)
{
	(void)value;
	protect(PROT_READ | PROT_WRITE);
}

static void move_mapping(int value)
{
	volatile unsigned char *from = page;
	size_t size = length;

	(void)value;
	reserve(PROT_NONE);
	length = size;
	if (mremap((void *)from, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
		   (void *)page) == MAP_FAILED)
		end_step(IMPOSSIBLE, "mremap: %s", strerror(errno));
}

static void zap(int value)
{
	(void)value;
	advise(length, MADV_DONTNEED, "MADV_DONTNEED");
}

/* As ptrace does: through the kernel, whatever the protection. */
static void force_store(int value)
{
	unsigned char byte = value;
	int fd = open("/proc/self/mem", O_RDWR);

	if (fd < 0 || pwrite(fd, &byte, 1, (uintptr_t)page) != 1)
		end_step(REFUSED, "/proc/self/mem: %s", strerror(errno));
	close(fd);
}

static void force_small(int value)
{
	want_small();
	force_store(value);
}

static void force_huge(int value)
{
	want_huge();
	force_store(value);
	if (!is_huge())
		end_step(IMPOSSIBLE, "the kernel had no huge page to give");
}

/* A store into a zero page would show in whoever reads another mapping. */
static void zeroes_are_zero(int value)
{
	volatile unsigned char *kept = page;
	size_t size = length;
	int huge, found = 0;

	(void)value;
	for (huge = 0; huge < 2; huge++) {
		reserve(PROT_READ | PROT_WRITE);
		if (length > page_size)
			advise(length, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE,
			       "MADV_HUGEPAGE");
		found |= *page;
	}
	page = kept;
	length = size;
	if (found)
		end_step(WRONG, "a new mapping reads %#x", found);
}
