/* Runs: the runtime process. System calls that Python's standard library does not have. */
#include "pyrt.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <linux/netlink.h>

#include "../common/sys.h"
#include "../common/util.h"

#define PROGRAM_NAME "pyruntime"
#define MAX_PROGRAMS 64 /* as many as the kernel attaches to one cgroup */

int pyrt_close_on_exec(int first)
{
	return (int)syscall(SYS_close_range, first, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
}

int pyrt_set_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int pyrt_signal_fd(int all)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (all) /* Faults of our own process, too: the kernel ends it all the same. */
		sigfillset(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* There is no filter: it is either that or the flags that the kernel finds first. */
int pyrt_knows_seccomp_flags(unsigned int flags)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) == 0 || errno != EINVAL;
}

int pyrt_detach_mount(const char *path)
{
	return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

int64_t pyrt_mount_id(const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) < 0)
		return -1;
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
		errno = EINVAL;
		return -1;
	}
	return (int64_t)st.stx_mnt_id;
}

int pyrt_netlink_socket(int netns_fd)
{
	cleanup_fd int own_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;
	int err;

	if (own_fd < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return -1;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	err = errno;
	if (setns(own_fd, CLONE_NEWNET) < 0)
		abort(); /* What is meant for the host's network would hit the container's. */
	errno = err;
	return fd;
}

int pyrt_set_options(const char *path, const char *const *names, unsigned int count,
		     const char **ret_call)
{
	cleanup_fd int fs_fd = sys_fspick(AT_FDCWD, path, FSPICK_CLOEXEC);

	*ret_call = "fspick";
	if (fs_fd < 0)
		return -1;
	*ret_call = "fsconfig";
	for (unsigned int i = 0; i < count; i++)
		if (sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, names[i], NULL, 0) < 0)
			return -1;
	*ret_call = "fsconfig reconfigure";
	return sys_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static int load_program(const void *instructions, unsigned int count, char *log,
			unsigned int log_size)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = count,
		.insns = (uint64_t)(uintptr_t)instructions,
		.license = (uint64_t)(uintptr_t) "Apache-2.0",
		.prog_name = PROGRAM_NAME,
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	int err = errno;

	/* The verifier's words cost more than its work, and may not fit: only when it refuses. */
	if (fd < 0 && err != EPERM) {
		attr.log_level = 1;
		attr.log_buf = (uint64_t)(uintptr_t)log;
		attr.log_size = log_size;
		fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
		if (fd < 0)
			errno = err;
	}
	return fd;
}

static bool is_ours(int program_fd)
{
	struct bpf_prog_info info = {.type = 0};
	union bpf_attr attr = {
		.info = {.bpf_fd = (uint32_t)program_fd,
			 .info_len = sizeof(info),
			 .info = (uint64_t)(uintptr_t)&info},
	};

	return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) == 0 &&
	       strcmp(info.name, PROGRAM_NAME) == 0;
}

/* An fd of the program attached to the cgroup that is to be replaced: ours, or the only one; else
 * -1. (systemd attaches one of its own to a cgroup that it has made, and again when it reloads.)
 */
static int attached_program(int cgroup_fd)
{
	uint32_t ids[MAX_PROGRAMS] = {0};
	union bpf_attr query = {
		.query = {.target_fd = (uint32_t)cgroup_fd,
			  .attach_type = BPF_CGROUP_DEVICE,
			  .prog_ids = (uint64_t)(uintptr_t)ids,
			  .prog_cnt = ARRAY_SIZE(ids)},
	};

	if (syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof(query)) < 0)
		return -1;
	for (uint32_t i = 0; i < query.query.prog_cnt; i++) {
		union bpf_attr open = {.prog_id = ids[i]};
		int fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &open, sizeof(open));

		if (fd >= 0 && (query.query.prog_cnt == 1 || is_ours(fd)))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

int pyrt_attach_device_program(int cgroup_fd, const void *instructions, unsigned int count,
			       char *ret_log, unsigned int log_size, const char **ret_call)
{
	cleanup_fd int program_fd = load_program(instructions, count, ret_log, log_size);
	cleanup_fd int old_fd = -1;
	union bpf_attr attr = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};

	*ret_call = "BPF_PROG_LOAD";
	if (program_fd < 0)
		return -1;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	old_fd = attached_program(cgroup_fd);
	if (old_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)old_fd;
	}
	*ret_call = "BPF_PROG_ATTACH";
	return syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0 ? -1 : 0;
}
