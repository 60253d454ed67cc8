/* Runs: init, in the container's namespaces, full capabilities there, the host's mounts still
 * visible. */
#include "init.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "../common/sys.h"

/* Not in every libc's sched.h. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/*
 * A thread that moves itself ("0") through the v1 file `tasks` skips the lock of the whole cgroup
 * system that a write to cgroup.procs takes, and with it an RCU grace period of several
 * milliseconds. stage-1 stays outside: it would count as a process against a limit of one.
 */
int op_cgroup_join(struct init *init, const struct op_cgroup_join *op)
{
	if (RETRY(write(init->fds[op->tasks], "0", 1)) != 1)
		return fail(init, "join cgroup", op->path);
	close_fd(&init->fds[op->tasks]);
	return 0;
}

/*
 * Not part of clone3: the root of a cgroup namespace is the cgroup that its creator is in, and with
 * CLONE_INTO_CGROUP that would still be stage-1's.
 */
int op_new_cgroup_ns(struct init *init)
{
	if (unshare(CLONE_NEWCGROUP) < 0)
		return fail(init, "unshare", "cgroup namespace");
	return 0;
}

/*
 * The offsets can be set until the first process enters, so it is not part of clone3: stage-1 makes
 * the namespace for its child, and the init of a new user namespace, to which the time namespace is
 * to belong, for itself.
 */
int op_new_time_ns(struct init *init, const struct op_new_time_ns *op)
{
	static const char path[] = "/proc/self/ns/time_for_children";
	int *offsets_fd = &init->slots[op->slot];
	struct plan_strv offsets = op->offsets;
	cleanup_fd int ns_fd = -1;
	const char *offset;

	if (unshare(CLONE_NEWTIME) < 0)
		return fail(init, "unshare", "time namespace");
	while ((offset = plan_strv_next(&offsets))) {
		/* Each is taken as the beginning. */
		if (lseek(*offsets_fd, 0, SEEK_SET) < 0 ||
		    RETRY(write(*offsets_fd, offset, strlen(offset))) < 0)
			return fail(init, "write time offset", offset);
	}
	close_fd(offsets_fd);
	if (init->err.phase == PHASE_JOIN)
		return 0;
	ns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ns_fd < 0)
		return fail(init, "open", path);
	if (setns(ns_fd, CLONE_NEWTIME) < 0)
		return fail(init, "setns", "time namespace");
	return 0;
}

/*
 * In a user namespace not part of clone3 either: the message queues (mqueue) belong to who makes
 * the namespace, which must be the container's root.
 */
int op_new_ipc_ns(struct init *init)
{
	if (unshare(CLONE_NEWIPC) < 0)
		return fail(init, "unshare", "ipc namespace");
	return 0;
}

/* exec: the root is what joining the container's namespaces made it. */
int op_use_root(struct init *init)
{
	init->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (init->root_fd < 0)
		return fail(init, "open", "/");
	return 0;
}

int op_new_session(struct init *init)
{
	if (setsid() < 0)
		return fail(init, "setsid", "");
	return 0;
}

int op_loopback_up(struct init *init)
{
	struct ifreq request = {.ifr_name = "lo"};
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail(init, "socket", "AF_INET");
	if (sys_ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return fail(init, "SIOCGIFFLAGS", "lo");
	request.ifr_flags |= IFF_UP;
	if (sys_ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return fail(init, "SIOCSIFFLAGS", "lo");
	return 0;
}

int op_hostname(struct init *init, const struct op_hostname *op)
{
	if (sethostname(op->name, strlen(op->name)) < 0)
		return fail(init, "sethostname", op->name);
	return 0;
}

int op_domainname(struct init *init, const struct op_domainname *op)
{
	if (setdomainname(op->name, strlen(op->name)) < 0)
		return fail(init, "setdomainname", op->name);
	return 0;
}
