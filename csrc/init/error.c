/* Runs: stage-1 and init. Errors are data here; the parent makes the sentence. */
#include "init.h"

#include <sys/prctl.h>

int fail_with(struct init *init, int err, const char *call, const char *path, const char *note)
{
	init->err.err = err;
	copy_text(init->err.call, sizeof(init->err.call), call);
	copy_text(init->err.path, sizeof(init->err.path), path);
	copy_text(init->err.note, sizeof(init->err.note), note);
	return -1;
}

int fail(struct init *init, const char *call, const char *path)
{
	return fail_with(init, errno, call, path, "");
}

int set_process(struct init *init, int option, unsigned long value, const char *name)
{
	return prctl(option, value, 0, 0, 0) < 0 ? fail(init, name, "") : 0;
}
