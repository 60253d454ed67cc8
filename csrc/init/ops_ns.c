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
