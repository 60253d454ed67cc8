/*
 * The command: an interpreter that starts no more than it needs, and pyruntime's modules in it.
 *
 * Runs: the runtime process. CPython is started up to its core: built-in and frozen modules work,
 * there is no search path, no encodings package, no sys.stdout. That takes half the time of
 * `python3 -IS`. The hot path needs nothing else; whoever imports a module from the disk after all
 * (an error to explain, a rare command) gets the rest of the interpreter then
 * (pyruntime/launcher/boot.py).
 *
 * -DPACKAGE_PARENT, -DBUNDLE, -DMODULE_PATH ("a:b:c") and -DPYTHON are set by
 * pyruntime/launcher/build.py.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <marshal.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HEAD_BYTES 20480

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	_exit(1);
}

static void check(PyStatus status)
{
	if (PyStatus_Exception(status))
		give_up("cannot start Python", status.err_msg ? status.err_msg : "unknown error");
}

/* Isolated: no environment, no user's directories, no .pth file has a say in what root executes. */
static void configure(PyConfig *config)
{
	char path[] = MODULE_PATH;

	PyConfig_InitIsolatedConfig(config);
	config->_init_main = 0;
	config->site_import = 0;
	config->install_signal_handlers = 0;
	config->pathconfig_warnings = 0;
	config->module_search_paths_set = 1;
	for (char *part = strtok(path, ":"); part; part = strtok(NULL, ":")) {
		wchar_t *wide = Py_DecodeLocale(part, NULL);

		check(wide ? PyWideStringList_Append(&config->module_search_paths, wide)
			   : PyStatus_NoMemory());
		PyMem_RawFree(wide);
	}
	/* Given, they are not searched for. */
	check(PyConfig_SetBytesString(config, &config->executable, PYTHON));
	check(PyConfig_SetBytesString(config, &config->home, "/usr"));
}

/* complete(): from here on imports from the disk work. */
static PyObject *complete(PyObject *module, PyObject *Py_UNUSED(args))
{
	PyStatus status = _Py_InitializeMain();

	(void)module;
	if (PyStatus_Exception(status)) {
		PyErr_SetString(PyExc_ImportError, status.err_msg ? status.err_msg : "start-up");
		return NULL;
	}
	Py_RETURN_NONE;
}

/* pidfd_send_signal(pid_fd, number), which `_signal` has: that module crashes in a core
 * interpreter. */
static PyObject *send_signal(PyObject *module, PyObject *args)
{
	int pid_fd, number;

	(void)module;
	if (!PyArg_ParseTuple(args, "ii", &pid_fd, &number))
		return NULL;
	if (syscall(SYS_pidfd_send_signal, pid_fd, number, NULL, 0) < 0)
		return PyErr_SetFromErrno(PyExc_OSError);
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"complete", complete, METH_NOARGS, NULL},
	{"pidfd_send_signal", send_signal, METH_VARARGS, NULL},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module_definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_pyrt",
	.m_size = 0,
	.m_methods = methods,
};

static PyObject *make_module(void)
{
	return PyModule_Create(&module_definition);
}

static void start_core(void)
{
	PyPreConfig early;
	PyConfig config;

	PyPreConfig_InitIsolatedConfig(&early);
	early.utf8_mode = 1;
	check(Py_PreInitialize(&early));
	if (PyImport_AppendInittab("_pyrt", make_module) < 0)
		give_up("cannot start Python", "no memory");
	configure(&config);
	check(Py_InitializeFromConfig(&config));
	PyConfig_Clear(&config);
	/* A command lives for milliseconds, and makes no cycles that matter. */
	PyGC_Disable();
}

static PyObject *arguments(int argc, char **argv)
{
	PyObject *list = PyList_New(argc);

	for (int i = 0; list && i < argc; i++) {
		PyObject *text = PyUnicode_DecodeUTF8(argv[i], (Py_ssize_t)strlen(argv[i]),
						      "surrogateescape");

		if (!text)
			return NULL;
		PyList_SET_ITEM(list, i, text);
	}
	return list;
}

/* The head of the bundle: (version, code of boot.py, index). */
static PyObject *read_head(int fd)
{
	static char head[HEAD_BYTES];
	ssize_t got = pread(fd, head, sizeof(head), 0);

	if (got <= 0)
		give_up(BUNDLE, "cannot be read");
	return PyMarshal_ReadObjectFromString(head, got);
}

static int boot(int argc, char **argv)
{
	int fd = open(BUNDLE, O_RDONLY | O_CLOEXEC);
	PyObject *head, *globals, *version, *code, *index;

	if (fd < 0)
		give_up("open " BUNDLE, strerror(errno));
	head = read_head(fd);
	if (!head || !PyArg_ParseTuple(head, "OOO", &version, &code, &index))
		return -1;
	if (PyLong_AsLong(version) != PY_VERSION_HEX >> 16)
		give_up(BUNDLE, "was made for another Python");
	globals = Py_BuildValue("{s:i,s:s,s:O,s:N,s:O}", "BUNDLE_FD", fd, "LOCATION",
				PACKAGE_PARENT "/", "INDEX", index, "ARGUMENTS",
				arguments(argc, argv), "__builtins__", PyEval_GetBuiltins());
	return globals && PyEval_EvalCode(code, globals, globals) ? 0 : -1;
}

int main(int argc, char **argv)
{
	/* A reader of our output that goes away must not end us in the middle of something. */
	signal(SIGPIPE, SIG_IGN);
	/* A caller that ignores it would have the exit status of our children thrown away. */
	signal(SIGCHLD, SIG_DFL);
	start_core();
	if (boot(argc, argv) < 0)
		PyErr_Print();
	/* Not reached: pyruntime.cli.main ends the process. */
	_exit(1);
}
