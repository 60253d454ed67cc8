/*
 * Runs: stage-1 (the caller's namespaces and rights), then, after the operation `clone`, the init
 * of the container. The plan says what to do; this file takes it, checks it and walks it once.
 *
 *	pyruntime init FD	FD: our end of the sync socket; smaller fds are for the program
 */
#define PLAN_DISPATCH
#include "init.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PLAN_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The program must not inherit what our parent ignores or blocks (engines ignore SIGPIPE, SIGHUP).
 */
static int reset_signals(struct init *init)
{
	/* The kernel's struct, not the library's: that one refuses the signals it keeps for itself.
	 */
	static const char default_action[64];
	static const uint64_t none;

	for (int number = 1; number <= 64; number++)
		if (number != SIGKILL && number != SIGSTOP &&
		    syscall(SYS_rt_sigaction, number, default_action, NULL, sizeof(none)) < 0)
			return fail(init, "sigaction", "");
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none)) < 0)
		return fail(init, "sigprocmask", "");
	return 0;
}

static int take_plan(struct init *init)
{
	const char *reason;
	struct stat st;
	uint8_t *data;
	int seals;
	int passed[SYNC_MAX_FDS + 1];
	int count = sync_receive(init->sync_fd, SYNC_PLAN, NULL, 0, passed, SYNC_MAX_FDS);

	if (count < 1)
		return fail(init, "receive plan", "");
	if (fstat(passed[0], &st) < 0)
		return fail(init, "fstat", "plan");
	/* Sealed: what plan_check() saw is what is executed. */
	seals = fcntl(passed[0], F_GET_SEALS);
	if (seals < 0)
		return fail(init, "F_GET_SEALS", "plan");
	if ((seals & PLAN_SEALS) != PLAN_SEALS)
		return fail_with(init, EPERM, "check plan", "", "the plan is not sealed");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, passed[0], 0);
	if (data == MAP_FAILED)
		return fail(init, "mmap", "plan");
	close(passed[0]);
	memcpy(init->fds, passed + 1, (size_t)(count - 1) * sizeof(int));
	if (plan_check(data, (size_t)st.st_size, (uint32_t)count - 1, &init->plan, &reason) < 0)
		return fail_with(init, EINVAL, "check plan", "", reason);
	return 0;
}

/* The only memory that depends on the plan: room for the longest list of strings, and HOME. */
static int make_room(struct init *init)
{
	size_t size = ((size_t)init->plan.longest_list * 2 + 8) * sizeof(char *);
	void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		return fail(init, "mmap", "");
	init->list = room;
	return 0;
}

const char **unpack_list(struct init *init, struct plan_strv packed, size_t used)
{
	const char **first = init->list + used;
	const char **entry = first;

	while ((*entry = plan_strv_next(&packed)))
		entry++;
	return first;
}

static int run_plan(struct init *init)
{
	struct plan_record record;

	umask(0);
	if (PRCTL(init, PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    PRCTL(init, PR_SET_NAME, (unsigned long)"pyruntime:stage") < 0 ||
	    reset_signals(init) < 0 || take_plan(init) < 0 || make_room(init) < 0)
		return -1;
	for (uint32_t index = 0; plan_next(&init->plan, &record); index++) {
		init->err.op = record.op;
		init->err.phase = record.phase;
		init->err.op_index = index;
		if (plan_dispatch(init, record.op, record.fields) < 0)
			return -1;
	}
	return fail_with(init, EINVAL, "run plan", "", "the plan has an end");
}

static struct init the_init;

int main(int argc, char **argv)
{
	struct init *init = &the_init;

	if (argc != 3 || strcmp(argv[1], "init") != 0) {
		static const char hint[] = "this program is started by pyruntime\n";

		(void)!write(2, hint, sizeof(hint) - 1);
		return 1;
	}
	init->sync_fd = atoi(argv[2]);
	init->first_fd = init->sync_fd;
	init->root_fd = init->mount_fd = init->mask_fd = init->proc_fd = -1;
	memset(init->slots, -1, sizeof(init->slots));
	init->err.op = UINT16_MAX; /* none yet */
	init->err.op_index = UINT32_MAX;
	run_plan(init);
	sync_send(init->sync_fd, SYNC_ERROR, &init->err, sizeof(init->err), -1);
	_exit(1);
}
