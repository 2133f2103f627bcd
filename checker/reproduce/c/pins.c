// SPDX-License-Identifier: GPL-2.0 OR MIT

/*
 * References to a page that do not come from an entry: by a pipe, and by a
 * fixed buffer of io_uring, which is pinned for writing.
 */

static int references[2] = { -1, -1 };

static int ring = -1;

static struct io_uring_params ring_params;

/* Where the page was when it was pinned. */
static uintptr_t pinned;

/* Only the process that has them may hold them. */
static void forget_references(void)
{
	close(references[0]);
	close(references[1]);
	close(ring);
	references[0] = references[1] = ring = -1;
}

static void must_have_no_reference(void)
{
	if (references[0] >= 0 || ring >= 0)
		end_step(IMPOSSIBLE, "each process has one reference here");
	in_child = forget_references;
}

/* A reference to the page that is held by a pipe. */
static void refer(int value)
{
	struct iovec part = { (void *)page, page_size };

	(void)value;
	must_have_no_reference();
	if (pipe(references) || vmsplice(references[1], &part, 1, 0) < 0)
		end_step(IMPOSSIBLE, "vmsplice: %s", strerror(errno));
}

/* What the page that the pipe refers to holds. */
static void read_reference(int value)
{
	unsigned char byte;

	(void)value;
	if (read(references[0], &byte, 1) != 1)
		end_step(IMPOSSIBLE, "read of the pipe: %s", strerror(errno));
	answer.seen = byte;
}

static void pin_page(int value)
{
	struct iovec part = { (void *)page, page_size };

	(void)value;
	must_have_no_reference();
	pinned = (uintptr_t)page;
	memset(&ring_params, 0, sizeof(ring_params));
	ring = syscall(SYS_io_uring_setup, 1, &ring_params);
	if (ring < 0 || syscall(SYS_io_uring_register, ring,
				IORING_REGISTER_BUFFERS, &part, 1))
		end_step(IMPOSSIBLE, "io_uring: %s", strerror(errno));
}

static void drop_reference(int value)
{
	(void)value;
	if (ring >= 0 && syscall(SYS_io_uring_register, ring,
				 IORING_UNREGISTER_BUFFERS, NULL, 0))
		end_step(IMPOSSIBLE, "io_uring: %s", strerror(errno));
	forget_references();
}

static char *map_ring(size_t size, off_t place)
{
	char *found = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, ring, place);

	if (found == MAP_FAILED)
		end_step(IMPOSSIBLE, "io_uring: %s", strerror(errno));
	return found;
}

/* The kernel reads one byte from a pipe into the pinned page. */
static void write_through_pin(int value)
{
	const struct io_sqring_offsets *asked = &ring_params.sq_off;
	const struct io_cqring_offsets *done = &ring_params.cq_off;
	char *sq = map_ring(asked->array + sizeof(uint32_t),
			    IORING_OFF_SQ_RING);
	char *cq = map_ring(done->cqes + ring_params.cq_entries *
			    sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	struct io_uring_sqe *sqe = (void *)map_ring(sizeof(*sqe),
						    IORING_OFF_SQES);
	uint32_t *head = (void *)(cq + done->head);
	uint32_t mask = *(uint32_t *)(cq + done->ring_mask);
	struct io_uring_cqe *cqe = (void *)(cq + done->cqes);
	unsigned char byte = value;
	int ends[2];

	if (pipe(ends) || write(ends[1], &byte, 1) != 1)
		end_step(IMPOSSIBLE, "pipe: %s", strerror(errno));
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_READ_FIXED;
	sqe->fd = ends[0];
	sqe->off = -1;
	sqe->addr = pinned;
	sqe->len = 1;
	*(uint32_t *)(sq + asked->array) = 0;
	__atomic_add_fetch((uint32_t *)(sq + asked->tail), 1,
			   __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) != 1)
		end_step(IMPOSSIBLE, "io_uring: %s", strerror(errno));
	if (cqe[*head & mask].res != 1)
		end_step(IMPOSSIBLE, "io_uring did not read: %d",
			 cqe[*head & mask].res);
	__atomic_add_fetch(head, 1, __ATOMIC_RELEASE);
	close(ends[0]);
	close(ends[1]);
}
