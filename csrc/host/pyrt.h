/*
 * What Python sees of the C side: linked into pyruntime.native._native, runs in the runtime
 * process, in the host's namespaces. Every function returns 0 (or an fd) and -1 with errno;
 * ret_call says which system call it was. The part between the marks is read by build_native.py as
 * the cffi declaration.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* cdef-begin */
struct pyrt_child {
	int pid;     /* stage-1 */
	int pid_fd;  /* its pidfd */
	int sync_fd; /* our end of the conversation */
};

/*
 * Starts the init program from a sealed memfd. fds 3 up to first_fd - 1 are passed on as they are.
 */
int pyrt_spawn(const char *init_path, int first_fd, struct pyrt_child *ret_child,
	       const char **ret_call);

/* Marks every fd from `first` on as close-on-exec. */
int pyrt_close_on_exec(int first);

/* Orphans of the container become our children. */
int pyrt_set_subreaper(void);

/* Blocks all signals, or those that ask a process to stop; returns an fd that reports them. */
int pyrt_signal_fd(int all);

/* 1 if the kernel knows these flags of seccomp(2), else 0. */
int pyrt_knows_seccomp_flags(unsigned int flags);

/* Detaches a mount and all that is mounted below it. */
int pyrt_detach_mount(const char *path);

/* The id of the mount that a path is on the top of, or -1 with errno EINVAL if it is not the top of
 * one. */
int64_t pyrt_mount_id(const char *path);

/* A socket for rtnetlink(7) in another network namespace; the process comes back from there. */
int pyrt_netlink_socket(int netns_fd);

/* The file system mounted at a path gets these options, each without a value, in the place of all
 * it has. */
int pyrt_set_options(const char *path, const char *const *names, unsigned int count,
		     const char **ret_call);

/*
 * Loads a device program (raw eBPF instructions) and attaches it to a cgroup, in place of the
 * program attached to it before (if there is exactly one), else beside what is there. ret_log: why
 * the verifier refused it.
 */
int pyrt_attach_device_program(int cgroup_fd, const void *instructions, unsigned int count,
			       char *ret_log, unsigned int log_size, const char **ret_call);
/* cdef-end */
