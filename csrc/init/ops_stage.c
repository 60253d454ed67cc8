/*
 * Runs: stage-1, in the caller's namespaces with the caller's rights, until the last operation,
 * `clone`, makes the init. Nothing of the container exists yet; whatever needs the host's rights
 * happens here.
 */
#include "init.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "../common/sys.h"

/* Not in every libc's sched.h. */
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
	uint64_t stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

int op_oom_score_adj(struct init *init, const struct op_oom_score_adj *op)
{
	static const char path[] = "/proc/self/oom_score_adj";
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(init, "open", path);
	if (RETRY(write(fd, op->value, strlen(op->value))) < 0)
		return fail(init, "write", path);
	return 0;
}

/*
 * The init may have no right to raise a limit (user namespace), and a low limit would be in its own
 * way: the hard limit is raised here, and the program's limits are set, that is lowered, at the
 * very end.
 */
int op_rlimit_raise(struct init *init, const struct op_rlimit_raise *op)
{
	struct {
		uint64_t soft, hard;
	} limit;

	if (syscall(SYS_prlimit64, 0, op->resource, NULL, &limit) < 0)
		return fail(init, "getrlimit", op->name);
	if (op->hard <= limit.hard)
		return 0;
	limit.hard = op->hard;
	if (syscall(SYS_prlimit64, 0, op->resource, &limit, NULL) < 0)
		return fail(init, "setrlimit", op->name);
	return 0;
}

/* What it is, setns says; until then it may be anything, such as a FIFO without a writer. */
int op_open_ns(struct init *init, const struct op_open_ns *op)
{
	int fd = open(op->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return fail(init, "open", op->path);
	init->slots[op->slot] = fd;
	return 0;
}

/* The root of a running container that has no mount namespace of its own, for exec. */
int op_open_root(struct init *init, const struct op_open_root *op)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/root", op->pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(init, "open", path);
	init->slots[op->slot] = fd;
	return 0;
}

/*
 * An `attempt` may fail for want of rights that joining the user namespace gives; the same
 * namespace is then listed once more behind it. Whoever is inside must not be able to trace us.
 */
int op_join_ns(struct init *init, const struct op_join_ns *op)
{
	int *fd = &init->slots[op->slot];

	if (*fd < 0)
		return 0;
	if (PRCTL(init, PR_SET_DUMPABLE, 0) < 0)
		return -1;
	if (setns(*fd, (int)op->nstype) < 0) {
		if (op->attempt && errno == EPERM)
			return 0;
		return fail(init, "setns", op->name);
	}
	close_fd(fd);
	return 0;
}

int op_join_process(struct init *init, const struct op_join_process *op)
{
	if (PRCTL(init, PR_SET_DUMPABLE, 0) < 0)
		return -1;
	if (setns(init->fds[op->process], (int)op->nstypes) < 0)
		return fail(init, "setns", "container");
	return 0;
}

/* A copy of the mounts, which belongs to the user namespace that we are in. */
int op_new_mount_ns(struct init *init)
{
	if (unshare(CLONE_NEWNS) < 0)
		return fail(init, "unshare", "mount namespace");
	return 0;
}

/* Root of the user namespace that we are in. */
int op_become_root(struct init *init, const struct op_become_root *op)
{
	if (op->setgroups && syscall(SYS_setgroups, 0, NULL) < 0)
		return fail(init, "setgroups", "");
	if (syscall(SYS_setresgid, 0, 0, 0) < 0)
		return fail(init, "setresgid", "0");
	if (syscall(SYS_setresuid, 0, 0, 0) < 0)
		return fail(init, "setresuid", "0");
	return 0;
}

int op_enter_root(struct init *init, const struct op_enter_root *op)
{
	if (fchdir(init->slots[op->slot]) < 0)
		return fail(init, "fchdir", "container's root");
	if (chroot(".") < 0)
		return fail(init, "chroot", "container's root");
	return 0;
}

/* Ours, of the process that will make the time namespace: it need not have the right later. */
int op_open_time_offsets(struct init *init, const struct op_open_time_offsets *op)
{
	static const char path[] = "/proc/self/timens_offsets";

	init->slots[op->slot] = open(path, O_WRONLY | O_CLOEXEC);
	if (init->slots[op->slot] < 0)
		return fail(init, "open", path);
	return 0;
}

static int start_as_init(struct init *init, uint32_t time_offsets)
{
	const struct op_open_time_offsets own_offsets = {.slot = time_offsets};

	/* A fork forgets the death signal. Had the parent died before this, GO would never come. */
	if (PRCTL(init, PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    PRCTL(init, PR_SET_NAME, (unsigned long)"pyruntime:init") < 0)
		return -1;
	/* Open to us while we are still who the caller is, and can be traced. */
	if (time_offsets != PLAN_NONE && op_open_time_offsets(init, &own_offsets) < 0)
		return -1;
	if (sync_receive(init->sync_fd, SYNC_GO, NULL, 0, NULL, 0) < 0)
		return fail(init, "wait for parent", "");
	return 0;
}

/*
 * The init becomes the parent's own child (CLONE_PARENT), in all new namespaces at once; stage-1
 * tells its pid and ends. `dumpable`: a parent without rights must be able to write our id maps,
 * and its hooks and exec to open our namespaces. Nobody else may trace us for that: the user
 * namespace is new, and in it only who has all the rights that we have.
 */
int op_clone(struct init *init, const struct op_clone *op)
{
	cleanup_fd int pidfd = -1;
	struct clone3_args args = {
		.flags = op->nstypes | CLONE_PARENT | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
	};
	uint32_t pid;
	long ret;

	if (PRCTL(init, PR_SET_DUMPABLE, op->dumpable ? 1 : 0) < 0)
		return -1;
	if (op->cgroup != PLAN_NONE) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)init->fds[op->cgroup];
	}
	ret = syscall(SYS_clone3, &args, sizeof(args));
	if (ret < 0)
		return fail(init, "clone3", "");
	if (ret == 0) {
		pidfd = -1;
		/* A way to the host's files for anyone who may look at us. */
		if (op->cgroup != PLAN_NONE)
			close_fd(&init->fds[op->cgroup]);
		init->traceable = op->dumpable;
		return start_as_init(init, op->time_offsets);
	}
	pid = (uint32_t)ret;
	if (sync_send(init->sync_fd, SYNC_SPAWNED, &pid, sizeof(pid), pidfd) < 0)
		_exit(1);
	_exit(0);
}
