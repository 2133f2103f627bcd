// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Calls that make the kernel reclaim, write back, migrate or merge a page,
 * and what it tells of entries.
 *
 * A program takes the functions that it needs, with whatever they use. The
 * pieces are what stands between empty lines at the left margin.
 */

/* What /proc/self/pagemap says of a page; see pagemap.rst in the kernel. */
static uint64_t pagemap(const volatile void *where)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	off_t place = (uintptr_t)where / page_size * sizeof(uint64_t);
	uint64_t found = 0;

	if (fd < 0 || pread(fd, &found, sizeof(found), place) != sizeof(found))
		end_step(IMPOSSIBLE, "/proc/self/pagemap: %s", strerror(errno));
	close(fd);
	return found;
}

static int backing = -1;

/* A file of one page, full of VALUE, on a file system that writes back. */
static void map_file(int value)
{
	struct statfs system;
	char *text = malloc(page_size);

	backing = open(".", O_TMPFILE | O_RDWR, 0600);
	if (!text || backing < 0 || fstatfs(backing, &system))
		end_step(IMPOSSIBLE, "O_TMPFILE here: %s", strerror(errno));
	if (system.f_type == 0x01021994)
		end_step(IMPOSSIBLE, "tmpfs never writes back: cd elsewhere");
	memset(text, value, page_size);
	length = page_size;
	if (write(backing, text, length) != (ssize_t)length || fsync(backing))
		end_step(IMPOSSIBLE, "write: %s", strerror(errno));
	free(text);
	page = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED,
		    backing, 0);
	if (page == MAP_FAILED)
		end_step(IMPOSSIBLE, "mmap: %s", strerror(errno));
}

static void write_back(int value)
{
	(void)value;
	if (msync((void *)page, page_size, MS_SYNC))
		end_step(IMPOSSIBLE, "msync: %s", strerror(errno));
}

static void forget_file_page(int value)
{
	(void)value;
	errno = posix_fadvise(backing, 0, page_size, POSIX_FADV_DONTNEED);
	if (errno)
		end_step(IMPOSSIBLE, "posix_fadvise: %s", strerror(errno));
}

static void clear_refs(const char *what)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (fd < 0 || write(fd, what, 1) != 1)
		end_step(IMPOSSIBLE, "clear_refs: %s", strerror(errno));
	close(fd);
}

static void make_old(int value)
{
	(void)value;
	clear_refs("1");
}

static int soft_dirty(const volatile void *where)
{
	return pagemap(where) >> 55 & 1;
}

/* Everything is soft-dirty in a new mapping, if the kernel tracks it. */
static void must_track_soft_dirty(void)
{
	char *fresh = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (fresh == MAP_FAILED)
		end_step(IMPOSSIBLE, "mmap: %s", strerror(errno));
	*fresh = 1;
	if (!soft_dirty(fresh))
		end_step(IMPOSSIBLE, "the kernel does not track soft-dirty");
	munmap(fresh, page_size);
}

static void clear_soft_dirty(int value)
{
	(void)value;
	must_track_soft_dirty();
	clear_refs("4");
}

static void is_soft_dirty(int value)
{
	(void)value;
	must_track_soft_dirty();
	if (!soft_dirty(page))
		end_step(WRONG, "the page is not soft-dirty");
}

static void page_out(int value)
{
	(void)value;
	advise(length, MADV_PAGEOUT, "MADV_PAGEOUT");
}

/* Reclaim in one go; user space cannot stop it between its steps. */
static void swap_out(int value)
{
	FILE *swaps = fopen("/proc/swaps", "r");
	char line[256];
	int count = 0;

	while (swaps && fgets(line, sizeof(line), swaps))
		count++;
	if (swaps)
		fclose(swaps);
	if (count < 2)
		end_step(IMPOSSIBLE, "no swap space is in use: swapon(8)");
	page_out(value);
	if (!(pagemap(page) >> 62 & 1))
		end_step(IMPOSSIBLE, "reclaim did not swap the page out");
}

static void free_lazily(int value)
{
	(void)value;
	advise(length, MADV_FREE, "MADV_FREE");
}

static void discard(int value)
{
	page_out(value);
	if (pagemap(page) >> 63 & 1)
		end_step(IMPOSSIBLE, "reclaim did not discard the page");
}

/* To another NUMA node; MPOL_MF_MOVE_ALL is 4. */
static void migrate(int value)
{
	void *pages = (void *)page;
	int now = -1, wanted, status = -1;

	(void)value;
	if (syscall(SYS_move_pages, 0, 1UL, &pages, NULL, &now, 0))
		end_step(IMPOSSIBLE, "move_pages: %s", strerror(errno));
	wanted = !now;
	if (syscall(SYS_move_pages, 0, 1UL, &pages, &wanted, &status, 4))
		end_step(IMPOSSIBLE, "no second NUMA node to migrate to: %s",
			 strerror(errno));
	if (status != wanted)
		end_step(IMPOSSIBLE, "the page did not migrate: %d", status);
}

/* Gives KSM time for a few scans of a page that is offered to it. */
static void wait_for_ksm(void)
{
	static const char scans[] = "/sys/kernel/mm/ksm/full_scans";
	long first_scan = read_number(scans);
	int tries = 100 * SECONDS / 2;

	if (read_number("/sys/kernel/mm/ksm/run") != 1)
		end_step(IMPOSSIBLE, "KSM is off: /sys/kernel/mm/ksm/run");
	advise(page_size, MADV_MERGEABLE, "MADV_MERGEABLE");
	while (read_number(scans) < first_scan + 3 && tries--)
		usleep(10000);
}

/* With a second page of equal contents. */
static void merge(int value)
{
	char *twin = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)value;
	if (twin == MAP_FAILED)
		end_step(IMPOSSIBLE, "mmap: %s", strerror(errno));
	memcpy(twin, (void *)page, page_size);
	if (madvise(twin, page_size, MADV_MERGEABLE))
		end_step(IMPOSSIBLE, "MADV_MERGEABLE: %s", strerror(errno));
	wait_for_ksm();
	if (read_number("/proc/self/ksm_merging_pages") <= 0)
		end_step(IMPOSSIBLE, "KSM did not merge the page");
}

/* With the zero page; the page holds zeroes. */
static void merge_zero(int value)
{
	FILE *stat = fopen("/proc/self/ksm_stat", "r");
	char line[256];
	long merged = 0;

	(void)value;
	if (read_number("/sys/kernel/mm/ksm/use_zero_pages") != 1)
		end_step(IMPOSSIBLE, "KSM's use_zero_pages is off");
	wait_for_ksm();
	while (stat && fgets(line, sizeof(line), stat))
		if (sscanf(line, "ksm_zero_pages %ld", &merged) == 1)
			break;
	if (stat)
		fclose(stat);
	if (merged <= 0)
		end_step(IMPOSSIBLE, "KSM did not merge the zero page");
}

static void unmerge(int value)
{
	(void)value;
	advise(page_size, MADV_UNMERGEABLE, "MADV_UNMERGEABLE");
}
