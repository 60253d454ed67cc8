/*
 * Runs: init, inside the container's root; each operation gives up something: limits, users,
 * capabilities. The order is the plan's (plan/build.py): what needs a right comes before the
 * operation that drops it.
 */
#include "init.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <linux/capability.h>

#include "../common/sys.h"

#define HIGHEST_CAPABILITY	    63
#define KEYCTL_JOIN_SESSION_KEYRING 1
#define KEYCTL_SETPERM		    5

/* The caller's session keyring must not be the container's. */
int op_keyring(struct init *init, const struct op_keyring *op)
{
	long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, op->name);

	if (ring < 0)
		return errno == ENOSYS ? 0 : fail(init, "join session keyring", op->name);
	if (op->permissions && syscall(SYS_keyctl, KEYCTL_SETPERM, ring, op->permissions) < 0)
		return fail(init, "set keyring permissions", op->name);
	return 0;
}

int op_umask(struct init *init, const struct op_umask *op)
{
	(void)init;
	umask((mode_t)op->mask);
	return 0;
}

int op_personality(struct init *init, const struct op_personality *op)
{
	if (syscall(SYS_personality, (unsigned long)op->domain) < 0)
		return fail(init, "personality", "");
	return 0;
}

int op_rlimit(struct init *init, const struct op_rlimit *op)
{
	uint64_t limit[2] = {op->soft, op->hard};

	if (syscall(SYS_prlimit64, 0, op->resource, limit, NULL) < 0)
		return fail(init, "setrlimit", op->name);
	return 0;
}

/*
 * The program's user must be able to use its streams; only the owner changes, a group may be the
 * terminal's. An owner without a mapping here, a read-only file system, and what a security module
 * guards are left alone.
 */
int op_own_stdio(struct init *init, const struct op_own_stdio *op)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) < 0)
			return fail(init, "fstat", "standard stream");
		if (st.st_uid == op->uid || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			continue;
		if (fchown(fd, op->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EACCES &&
		    errno != EROFS && errno != EINVAL)
			return fail(init, "fchown", "standard stream");
	}
	return 0;
}

static int verify_cwd(struct init *init, const char *path)
{
	static const char note[] = "current working directory is outside of container mount "
				   "namespace root -- possible container breakout detected";
	char cwd[PATH_MAX];

	/* The raw call: a directory out of reach is "(unreachable)/..." (CVE-2024-21626). */
	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0)
		return fail_with(init, errno, "getcwd", path, errno == ENOENT ? note : "");
	if (cwd[0] != '/')
		return fail_with(init, ENOENT, "getcwd", path, note);
	return 0;
}

/* A link of a procfs to a directory, by which one would leave the root, is not followed. */
static int change_directory(const char *path)
{
	int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	cleanup_fd int fd = sys_openat2(AT_FDCWD, path, (uint64_t)flags, 0, RESOLVE_NO_MAGICLINKS);

	return fd < 0 ? -1 : fchdir(fd);
}

/*
 * Comes twice: with root's rights as an `attempt` (the user may not reach the directory), and again
 * as the user where root could not get in (a volume that belongs to the user on a file system that
 * squashes root).
 */
int op_chdir(struct init *init, const struct op_chdir *op)
{
	if (op->attempt || init->chdir_pending) {
		init->chdir_pending = false;
		if (change_directory(op->path) < 0) {
			if (!op->attempt || (errno != EACCES && errno != EPERM))
				return fail(init, "chdir", op->path);
			init->chdir_pending = true;
		}
	}
	return init->chdir_pending ? 0 : verify_cwd(init, op->path);
}

int op_bounding_set(struct init *init, const struct op_bounding_set *op)
{
	for (unsigned int cap = 0; cap <= HIGHEST_CAPABILITY; cap++) {
		if (op->keep & (1ULL << cap))
			continue;
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL && cap > CAP_LAST_CAP)
				break; /* the kernel knows no more than we do */
			return fail(init, "PR_CAPBSET_READ", "");
		}
		if (PRCTL(init, PR_CAPBSET_DROP, cap) < 0)
			return -1;
	}
	return 0;
}

int op_identity(struct init *init, const struct op_identity *op)
{
	size_t n_groups = op->groups.len / sizeof(uint32_t);

	/* Keeps the permitted set over the change of user; `capset` then says what remains. */
	if (PRCTL(init, PR_SET_KEEPCAPS, 1) < 0)
		return -1;
	if (op->set_groups && syscall(SYS_setgroups, n_groups, op->groups.data) < 0)
		return fail(init, "setgroups", "");
	if (syscall(SYS_setresgid, op->gid, op->gid, op->gid) < 0)
		return fail(init, "setresgid", "");
	if (syscall(SYS_setresuid, op->uid, op->uid, op->uid) < 0)
		return fail(init, "setresuid", "");
	return PRCTL(init, PR_SET_KEEPCAPS, 0);
}

/* In the phase START it follows the seccomp filter: it must stay a single system call. */
int op_capset(struct init *init, const struct op_capset *op)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)op->effective, (uint32_t)op->permitted, (uint32_t)op->inheritable},
		{(uint32_t)(op->effective >> 32), (uint32_t)(op->permitted >> 32),
		 (uint32_t)(op->inheritable >> 32)},
	};

	if (syscall(SYS_capset, &header, data) < 0)
		return fail(init, "capset", "");
	return 0;
}

int op_ambient(struct init *init, const struct op_ambient *op)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(init, "PR_CAP_AMBIENT_CLEAR_ALL", "");
	for (unsigned int cap = 0; cap <= HIGHEST_CAPABILITY; cap++)
		if (op->raise & (1ULL << cap) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return fail(init, "PR_CAP_AMBIENT_RAISE", "");
	return 0;
}

int op_no_new_privileges(struct init *init)
{
	return PRCTL(init, PR_SET_NO_NEW_PRIVS, 1);
}
