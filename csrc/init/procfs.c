/*
 * Runs: init. What must reach the kernel goes through a procfs of our own, mounted nowhere: the
 * config's mounts, links in the image or a race cannot put another file in its place
 * (CVE-2019-16884, CVE-2025-52881).
 */
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "../common/sys.h"

#define PROC_ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int detached_procfs(void)
{
	cleanup_fd int fs_fd = sys_fsopen("proc", FSOPEN_CLOEXEC);

	if (fs_fd < 0 || sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, PROC_ATTRIBUTES);
}

/*
 * In a user namespace whose only procfs has parts covered the kernel refuses a new one (EPERM);
 * then the container's own is used, if it is a procfs, and nothing mounted in it is crossed.
 */
static int container_procfs(const struct init *init)
{
	cleanup_fd int fd = root_open_plain(init, "/proc", O_PATH | O_DIRECTORY);
	struct statfs st;

	if (fd < 0 || fstatfs(fd, &st) < 0)
		return -1;
	if (st.f_type != PROC_SUPER_MAGIC) {
		errno = ENODEV;
		return -1;
	}
	return steal_fd(&fd);
}

static int open_procfs(struct init *init)
{
	if (init->proc_fd < 0)
		init->proc_fd = detached_procfs();
	if (init->proc_fd < 0 && errno == EPERM)
		init->proc_fd = container_procfs(init);
	return init->proc_fd;
}

/* An fd opened with O_PATH does not allow it, and the file's name may be another file's by now. */
int procfs_chmod(struct init *init, int fd, mode_t mode)
{
	char path[64];

	if (open_procfs(init) < 0)
		return -1;
	snprintf(path, sizeof(path), "self/fd/%d", fd);
	return fchmodat(init->proc_fd, path, mode, 0);
}

int procfs_open(struct init *init, const char *path)
{
	if (open_procfs(init) < 0)
		return -1;
	return sys_openat2(init->proc_fd, path, O_WRONLY | O_CLOEXEC, 0,
			   RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
}

int procfs_write(struct init *init, const char *path, const char *value)
{
	cleanup_fd int fd = procfs_open(init, path);

	if (fd < 0)
		return -1;
	return RETRY(write(fd, value, strlen(value))) < 0 ? -1 : 0;
}
