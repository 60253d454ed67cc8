/*
 * The program that is stage-1 and then the container's init: what it knows, and the helpers that
 * its operations share. Linked static, executed from a sealed memfd, so nothing of the host is
 * mapped in it.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "../common/plan.h"
#include "../common/sync.h"
#include "../common/util.h"

#define MAX_SLOTS 1024

struct init {
	int sync_fd;  /* the conversation with the parent */
	int first_fd; /* fds below this one go to the program; all others are ours */
	int fds[SYNC_MAX_FDS];
	int slots[MAX_SLOTS]; /* fds that one operation leaves for another */
	struct plan plan;
	struct pyrt_error err;

	int root_fd;  /* the root of the container's file system, before and after pivot_root */
	int mount_fd; /* what the last mount operation mounted */
	int mask_fd;  /* the empty directory over masked directories, once there is one */
	int proc_fd;  /* a procfs of our own, once somebody asked for it */

	bool traceable;	    /* by the user who has made us, and who has no other right over us */
	bool chdir_pending; /* the working directory is only open to the program's user */
	char home[PATH_MAX];
	char program[PATH_MAX]; /* what execve gets */
	const char **list;	/* room for the longest list of the plan, and some more */
};

/* --- error.c: an operation that fails says what failed, once, and returns -1. */

/* errno is the reason. */
int fail(struct init *init, const char *call, const char *path);
/* The same with a reason of our own, and words that say more. */
int fail_with(struct init *init, int err, const char *call, const char *path, const char *note);
/* prctl() with one argument, or its failure. */
int set_process(struct init *init, int option, unsigned long value, const char *name);
#define PRCTL(init, option, value) set_process(init, option, value, #option)

/* --- path.c: paths inside the container's root; nothing leaves it, whatever the links in it say.
 */

/* openat2() below the root, symlinks followed inside it. Returns an fd, or -1 with errno. */
int root_open(const struct init *init, const char *path, int flags);
/* The same without following any symlink. */
int root_open_plain(const struct init *init, const char *path, int flags);
/* Makes a directory and its parents; returns an O_PATH fd of it, or -1 with errno. */
int root_make_directory(const struct init *init, const char *path, mode_t mode);
/* Makes an empty file unless the path exists, parents too; returns an fd, or -1 with errno. */
int root_make_file(const struct init *init, const char *path);
/* An O_PATH fd of the directory that holds `path` (made if missing); *ret_name is the last part. */
int root_open_parent(const struct init *init, const char *path, const char **ret_name);

/* --- procfs.c: a procfs that no mount of the config can stand in front of. */

/* Opens a file below /proc of the container's namespaces for writing. An fd, or -1 with errno. */
int procfs_open(struct init *init, const char *path);
/* Writes a value to a file below /proc of the container's namespaces. 0, or -1 with errno. */
int procfs_write(struct init *init, const char *path, const char *value);
/* Changes the mode of an open file of any kind. 0, or -1 with errno. */
int procfs_chmod(struct init *init, int fd, mode_t mode);

/* --- listener.c */

/* Returns when the parent has the fd of the filter's notifications; makes no system call. */
void hand_over_listener(int fd);

/* --- others */

/*
 * An empty read-only tmpfs is made and attached to target_fd, or a copy of the one made before.
 * context: the SELinux label of the first, or "".
 */
int mount_empty_directory(struct init *init, int target_fd, const char *context);
/* Copies what is below from_fd into the new file system at to_fd. 0, or -1 with errno. */
int copy_tree(int from_fd, int to_fd);
/* A detached mount without attributes, by mount(2); an fd, or -1. mode: one more parameter, or "".
 */
int mount_by_text(struct init *init, const struct op_mount_text *op, const char *mode);
/* A detached copy of a mount tree of the host; `ask`: by the parent, if it is out of our reach. */
int open_source(struct init *init, const char *path, bool recursive, uint32_t how, bool ask);
/* The same with the ids mapped, always by the parent, who knows all of it from the plan. */
int mapped_source(struct init *init, const char *path);
/* Fills init->list from a packed list, NULL-terminated, behind `used` entries; returns it. */
const char **unpack_list(struct init *init, struct plan_strv packed, size_t used);
