/*
 * Runs: init, with the rights of its user namespace; op_cpu_affinity also in stage-1. When and
 * where the program runs: it inherits all of this over execve.
 */
#include "init.h"

#include <string.h>
#include <sys/syscall.h>

#define IOPRIO_WHO_PGRP 2

/* The kernel's struct, version of Linux 5.3: the C library may have none. */
struct scheduling {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

int op_scheduler(struct init *init, const struct op_scheduler *op)
{
	struct scheduling wanted = {
		.size = sizeof(wanted),
		.policy = op->policy,
		.flags = op->flags,
		.nice = (int32_t)op->nice,
		.priority = op->priority,
		.runtime = op->runtime,
		.deadline = op->deadline,
		.period = op->period,
	};

	if (syscall(SYS_sched_setattr, 0, &wanted, 0) < 0)
		return fail(init, "sched_setattr", "");
	return 0;
}

/* The process group is the program's own: it leads a session. */
int op_io_priority(struct init *init, const struct op_io_priority *op)
{
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PGRP, 0, op->priority) < 0)
		return fail(init, "ioprio_set", "");
	return 0;
}

int op_memory_policy(struct init *init, const struct op_memory_policy *op)
{
	unsigned long nodes[1024 / sizeof(long)];
	size_t len = op->nodes.len;

	if (len > sizeof(nodes))
		return fail_with(init, EINVAL, "set_mempolicy", "", "");
	memcpy(nodes, op->nodes.data, len);
	/* The kernel takes the number of bits to be one more than it is. */
	if (syscall(SYS_set_mempolicy, op->mode, len ? nodes : NULL, len ? len * 8 + 1 : 0) < 0)
		return fail(init, "set_mempolicy", "");
	return 0;
}

/*
 * The CPUs that the program may use; none listed: all that its cgroup has, whatever the engine that
 * called us is bound to. That is a kindness, and no reason to fail.
 */
int op_cpu_affinity(struct init *init, const struct op_cpu_affinity *op)
{
	uint64_t all[1024 / sizeof(uint64_t)];

	if (op->cpus.len) {
		if (syscall(SYS_sched_setaffinity, 0, op->cpus.len, op->cpus.data) < 0)
			return fail(init, "sched_setaffinity", "");
		return 0;
	}
	memset(all, 0xff, sizeof(all));
	syscall(SYS_sched_setaffinity, 0, sizeof(all), all);
	return 0;
}
