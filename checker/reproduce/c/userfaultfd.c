// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Calls of userfaultfd.
 *
 * A program takes the functions that it needs, with whatever they use. The
 * pieces are what stands between empty lines at the left margin.
 */

static int uffd = -1;

static pid_t uffd_owner;

/*
 * From here on a fault that the handler would get is a SIGBUS instead:
 * there is no handler, and the process must not wait for one. What is not
 * mapped can be protected, too (UFFD_FEATURE_WP_UNPOPULATED).
 */
static void watch(unsigned int mode)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_SIGBUS | 1 << 13,
	};
	struct uffdio_register range = {
		.range = { (uintptr_t)page, length },
		.mode = mode,
	};
	int flags = O_CLOEXEC | UFFD_USER_MODE_ONLY;

	/* One that was inherited is about the parent's memory. */
	if (uffd < 0 || uffd_owner != getpid()) {
		close(uffd);
		uffd_owner = getpid();
		uffd = syscall(SYS_userfaultfd, flags);
		if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
			end_step(IMPOSSIBLE, "userfaultfd: %s",
				 strerror(errno));
	}
	if (ioctl(uffd, UFFDIO_REGISTER, &range))
		end_step(IMPOSSIBLE, "UFFDIO_REGISTER: %s", strerror(errno));
}

static void unwatch(void)
{
	struct uffdio_range range = { (uintptr_t)page, length };

	if (ioctl(uffd, UFFDIO_UNREGISTER, &range))
		end_step(IMPOSSIBLE, "UFFDIO_UNREGISTER: %s", strerror(errno));
}

static void copy_in(int value, unsigned int mode)
{
	char *text = aligned_alloc(page_size, page_size);
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page,
		.src = (uintptr_t)text,
		.len = page_size,
		.mode = mode,
	};

	if (!text)
		end_step(IMPOSSIBLE, "no memory");
	memset(text, value, page_size);
	if (ioctl(uffd, UFFDIO_COPY, &copy))
		end_step(IMPOSSIBLE, "UFFDIO_COPY: %s", strerror(errno));
	free(text);
}

static void uffd_copy(int value)
{
	want_small();
	watch(UFFDIO_REGISTER_MODE_MISSING);
	copy_in(value, 0);
	unwatch();
}

static void uffd_copy_protected(int value)
{
	want_small();
	watch(UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	copy_in(value, UFFDIO_COPY_MODE_WP);
	watch(UFFDIO_REGISTER_MODE_WP);
}

static void uffd_zero(int value)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)page, page_size },
	};

	(void)value;
	want_small();
	watch(UFFDIO_REGISTER_MODE_MISSING);
	if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
		end_step(IMPOSSIBLE, "UFFDIO_ZEROPAGE: %s", strerror(errno));
	unwatch();
}

static void set_protection(unsigned int mode)
{
	struct uffdio_writeprotect change = {
		.range = { (uintptr_t)page, length },
		.mode = mode,
	};

	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &change))
		end_step(IMPOSSIBLE, "UFFDIO_WRITEPROTECT: %s",
			 strerror(errno));
}

static void uffd_protect(int value)
{
	(void)value;
	watch(UFFDIO_REGISTER_MODE_WP);
	set_protection(UFFDIO_WRITEPROTECT_MODE_WP);
}

static void uffd_resolve(int value)
{
	(void)value;
	watch(UFFDIO_REGISTER_MODE_WP);
	set_protection(0);
}

static void is_uffd_protected(int value)
{
	(void)value;
	if (!(pagemap(page) >> 57 & 1))
		end_step(WRONG, "the page is not write-protected");
}

/* To a new mapping of the same size, which takes the place of the old. */
static void move_page(size_t size)
{
	struct {
		uint64_t to, from, size, mode;
		int64_t moved;
	} request = { .from = (uintptr_t)page, .size = size };
	size_t whole = length;

	reserve(PROT_READ | PROT_WRITE);
	length = whole;
	watch(UFFDIO_REGISTER_MODE_MISSING);
	request.to = (uintptr_t)page;
	if (ioctl(uffd, _IOWR(UFFDIO, 0x05, request), &request))
		end_step(IMPOSSIBLE, "UFFDIO_MOVE: %s", strerror(errno));
	unwatch();
}

static void uffd_move(int value)
{
	(void)value;
	move_page(page_size);
}

static void uffd_move_huge(int value)
{
	(void)value;
	if (!is_huge())
		end_step(IMPOSSIBLE, "there is no huge page to move");
	move_page(length);
	if (!is_huge())
		end_step(IMPOSSIBLE, "the huge page was split to move it");
}
