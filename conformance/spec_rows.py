"""
The rows of the conformance table that come from the specification: area -> lines of id, priority, what is
to be proven. Priorities: M (a must, or engines need it), S (should, or often used), O (optional).
"""

AREAS = {
    "Bundle and top level": """
        TOP-1 M config.json is read from the bundle's root; without it the error says so
        TOP-2 M versions 1.x of the specification are taken, other majors and what is no version refused
        TOP-3 M properties that nobody knows are passed over
        TOP-4 M values that are invalid or cannot be had are errors
        TOP-5 M what is written to config.json after create does not reach the container
        TOP-6 M sections for other platforms are read over
        TOP-7 M annotations are kept as they are and come back in the state
        TOP-8 O annotations of image builders do no harm
        TOP-9 S annotations that this runtime understands do what they say
        TOP-10 M the host name is set, and only in a UTS namespace of the container
        TOP-11 M the domain name is set, by the same rule
    """,
    "Root file system": """
        ROOT-1 M a config without root is refused
        ROOT-2 M the path is absolute or below the bundle, and must be a directory
        ROOT-3 M read-only means the root alone, and keeps what its mount forbids already
        ROOT-4 M nothing of the host stays mounted or in reach, nothing that is mounted inside gets out
        ROOT-5 M a working directory that is missing is made
    """,
    "Mounts": """
        MNT-1 M the order of the list is the order of the mounts
        MNT-2 M a destination is below the root, also if it does not begin with a slash
        MNT-3 M the source of a bind mount is absolute or below the bundle
        MNT-4 M any type that the kernel has can be mounted; of a bind mount the type means nothing
        MNT-5 M what is no option of a mount goes to the file system; a bind mount takes none of that
        MNT-6 M a missing destination is made, and no link leads its making out of the root
        MNT-7 M /proc and /sys are the kernel's own, on plain directories, with nothing else in /proc
        MNT-8 M a mount of type cgroup shows the container its own part
        MNT-9 M a tmpfs has the mode of the directory that it covers, unless a mode is given
        MNT-10 M what the host's mount forbids cannot be allowed from a user namespace
        MNT-11 S mappings of a mount change the owners that the container sees there
        MNT-12 S idmap and ridmap without mappings use the container's, and need a user namespace
        MNT-13 M a bind source may be where the container's root cannot get
        MNT-14 M a tmpfs or /dev that is to be read-only is filled before it becomes so
        MNT-15 S proc, sysfs, devpts and shm can be had, and the template has them
        MNT-16 O mounts over mounts hide them; over the root there is none
    """,
    "Mount options": """
        OPT-1 M the options of mount(8) for single mounts and super blocks do what they say
        OPT-2 M defaults asks for nothing
        OPT-3 M iversion, lazytime, silent and their opposites are known
        OPT-4 M propagation is set as listed, for one mount or its tree
        OPT-5 M mand and nomand are known
        OPT-6 S symlinks on a mount can be followed or not
        OPT-7 S attributes can be set and cleared for a whole tree
        OPT-8 S the same for following symlinks
        OPT-9 M tmpcopyup fills a new tmpfs with what it covers
        OPT-10 S idmap maps one mount
        OPT-11 S ridmap maps a tree
        OPT-12 O acl is the file system's affair
        OPT-13 O further options of crun
        OPT-14 M a later option overrides an earlier one, and one that clears a flag clears it on binds
    """,
    "Process": """
        PRC-1 M a config may do without process until start, which refuses it then
        PRC-2 M a terminal is of the container's own devpts, is its controlling terminal and console
        PRC-3 M the size of a new terminal is set; without a terminal it means nothing
        PRC-4 M the working directory is entered with the right rights and is inside of the root
        PRC-5 M the environment is the config's, the last of two counts; HOME is found if missing
        PRC-6 M the program is looked for in the container, and its absence is an error of create
        PRC-7 M commandLine is for another platform
        PRC-8 M the program has the user and group of the config
        PRC-9 M it has the additional groups and no others; who may not set any is told so
        PRC-10 M it has the umask of the config, or 0022
        PRC-11 M username is for another platform
        PRC-12 M it has the five capability sets; what cannot be granted is a warning
        PRC-13 M without capabilities in the config the caller's stay
        PRC-14 M it can gain privileges, or not, as the config says
        PRC-15 M its OOM score is set if given, and left alone if not
        PRC-16 M its resource limits are set, for exec too; a type that comes twice is an error
        PRC-17 M it is confined by its AppArmor profile
        PRC-18 M it has its SELinux label
        PRC-19 S it has its scheduling policy and parameters
        PRC-20 S it has its I/O class and priority
        PRC-21 S exec runs on the processors that the config says, before and after it has joined
        PRC-22 S the processors that the caller is bound to do not bind the container
        PRC-23 M it has a session and a keyring of its own, and nothing that the set-up needed
        PRC-24 M its standard streams belong to its user
    """,
    "Hooks": """
        HK-1 M prestart: by the runtime, when namespaces, mounts and limits are there
        HK-2 M createRuntime: the same, after prestart
        HK-3 M createContainer: in the container's namespaces, with the host's files
        HK-4 M startContainer: in the container, before its program, and start waits for it
        HK-5 M poststart: when the program runs; a failure ends the container (before 1.3.0: a warning)
        HK-6 M poststop: when all is gone; failures are warnings and do not stop the others
        HK-7 M the environment is that of the hook's entry
        HK-8 M each kind has its working directory
        HK-9 M what a failing hook has printed is in the error
        HK-10 M a hook that takes too long is killed; no time at all is invalid
        HK-11 M an error names the kind and number of the hook
    """,
    "Namespaces": """
        NS-1 M new namespaces of each kind are made
        NS-2 M what is not listed is the caller's
        NS-3 M a namespace given by path is joined, if it is one of its type
        NS-4 M a type comes once only
        NS-5 M an unknown type is refused
        NS-6 M any combination can be made and joined, whatever the order of the list
        NS-7 M the loopback device of a new network is up, that of a joined one left alone
        NS-8 M a joined user namespace may be described by its own mappings and by no others
        NS-9 M a new user namespace needs mappings
        NS-10 M ids are mapped as listed, by an ordinary user too; files are not given away
        NS-11 M mappings need a user namespace
        NS-12 S clocks of a new time namespace are shifted
        NS-13 M exec joins all of them
        NS-14 M without a mount namespace the root is entered, nothing is masked on the host
    """,
    "Devices": """
        DEV-1 M listed devices are there with their numbers, mode and owner; others in the way are errors
        DEV-2 M where nodes cannot be made the host's are bound
        DEV-3 M the default devices are there, and a console with a terminal only
        DEV-4 M a listed device takes the place of a default one
        DEV-5 M the links of /dev are made, unless something is there
        DEV-6 M in a /dev that is bound nothing is made
        DEV-7 M the default devices can be used whatever the rules say
        DEV-8 M a stream that is the host's null device becomes the container's
    """,
    "Network devices": """
        NET-1 S devices of the host are moved into the container
        NET-2 S a name that is taken is an error, a pattern finds a free one
        NET-3 S permanent global addresses come along
        NET-4 S they are up afterwards, and nothing else is changed
        NET-5 S they need a network namespace, rights, and valid names
    """,
    "Cgroups": """
        CG-1 M cgroupsPath says where: absolute, or relative to the caller's; the root is nobody's
        CG-2 M without it the cgroup has the container's name
        CG-3 M systemd makes it, by slice, prefix and name
        CG-4 M on cgroup v2 controllers are passed on from the root down
        CG-5 M a cgroup that is in use or frozen is refused
        CG-6 M an ordinary user may go without, as long as nothing is limited
        CG-7 M a cgroup of v2 is given to the container's root, if it can see it
        CG-8 M whatever the container runs is in it from its first instruction
        CG-9 M delete ends all that is in it, and removes it with those below
        CG-10 M a container may have no cgroup at all
        CG-11 O cgroup v1 works too
    """,
    "Resources": """
        RES-1 M device rules count in their order, on v1 and v2
        RES-2 M memory is limited
        RES-3 M memory is reserved
        RES-4 M swap is limited beside memory, in the terms of v1 and v2
        RES-5 O limits of kernel memory are errors on v2
        RES-6 S swappiness is set, and an error on v2
        RES-7 S the OOM killer is disabled, which is an error on v2
        RES-8 O useHierarchy is no question any more
        RES-9 S a limit below what is used can be refused
        RES-10 M CPU shares are weights on v2
        RES-11 M CPU time is limited by quota and period
        RES-12 S bursts of CPU time are allowed
        RES-13 O real-time scheduling is limited, which is an error on v2
        RES-14 M processors and memory nodes are chosen
        RES-15 S a cgroup can be idle
        RES-16 S the weight of block I/O is set
        RES-17 O leaf weights are errors on v2
        RES-18 S the weight of block I/O is set for a device
        RES-19 M block I/O of a device is limited
        RES-20 S huge pages are limited, and their reservations
        RES-21 O network classes and priorities are errors on v2
        RES-22 M the number of processes is limited; none is a limit, too
        RES-23 O RDMA is limited
        RES-24 M any file of cgroup v2 can be written, if its controller is there
        RES-25 M the same limits are told to systemd
        RES-26 M without resources nothing is limited
    """,
    "Intel RDT, memory policy, sysctls, personality": """
        RDT-1 O the container is in a resctrl group only if asked for
        RDT-2 O the group has the given name, and goes only if the runtime has made it
        RDT-3 O cache and bandwidth schemas are written
        RDT-4 O schemata are written last
        RDT-5 O a group that is there must say the same
        RDT-6 O a group without schemas must be there
        RDT-7 O a monitoring group is made and removed
        MPL-1 O the memory policy is set before the program runs
        SYS-1 M sysctls of the container's namespaces are set, all others refused
        PER-1 M the execution domain is set, for exec too
    """,
    "Seccomp": """
        SEC-1 M a profile needs a default action; one that says nothing is none
        SEC-2 M errors have their numbers; a number for an action that takes none is refused
        SEC-3 M each action does what it says
        SEC-4 M each architecture can be listed, the native one always counts
        SEC-5 M the flags are understood, unknown ones refused
        SEC-6 M arguments are compared by each operator; two conditions on one argument are alternatives
        SEC-7 M unknown system calls are passed over
        SEC-8 M a rule that repeats the default is no rule
        SEC-9 M calls newer than the profile are answered with ENOSYS
        SEC-10 M nothing of the runtime is done behind the filter that the program would not need
        SEC-11 S a listener gets the notification fd with the state of the process
        SEC-12 S metadata for a listener needs one
        SEC-13 S notifications cannot be the default, nor concern write
        SEC-14 M exec has the filter too
        SEC-15 O compiled filters are kept
    """,
    "Masks, propagation, labels": """
        RFP-1 M the propagation of the root is as asked for
        MSK-1 M masked files are empty, masked directories too, and neither can be uncovered
        RDO-1 M read-only paths are, and keep what their mounts forbid
        MLB-1 S file systems of the container get its label
    """,
    "State and operations": """
        ST-1 M the state has the fields of the specification in every status
        ST-2 M hooks get the whole version of the specification
        ST-3 M a process is known by its pid and start time
        OP-1 M state needs an id that exists
        OP-2 M create needs an id that is free, makes all or nothing
        OP-3 M what is no id is refused
        OP-4 M start works once, for a created container
        OP-5 M kill works for a container with a process
        OP-6 M delete works for one without, removes what is the container's, and frees the id
        OP-7 M an operation that fails leaves nothing
        OP-8 M a warning changes nothing
        OP-9 M the steps of the lifecycle have their order, also when one fails
        FD-1 M the program has its streams and what is passed on purpose, no other file
    """,
    "Features document": """
        FT-1 M the versions of the specification, and the form of its schema
        FT-2 M the kinds of hooks
        FT-3 M the mount options, and none of a file system
        FT-4 M namespaces and capabilities
        FT-5 M the kinds of cgroups
        FT-6 M seccomp actions, operators, architectures and flags
        FT-7 S the optional parts, each as it is
        FT-8 S annotations about the build
        FT-9 S annotations that a config from strangers should not have
        FT-10 M it is the same for everybody, and needs no rights
    """,
    "Security": """
        SECU-1 M no file of the init leads to the host (CVE-2016-9962)
        SECU-2 M no program of the runtime can be written from inside (CVE-2019-5736)
        SECU-3 M a label is never written to a file that only looks like the kernel's (CVE-2019-16884)
        SECU-4 M links in place of /proc and /sys are refused (CVE-2019-19921, CVE-2023-27561)
        SECU-5 M links in a destination stay inside (CVE-2019-18837)
        SECU-6 M nor does one that becomes a link meanwhile (CVE-2021-30465, CVE-2024-45310)
        SECU-7 M long strings and NUL characters are plain errors (CVE-2021-43784)
        SECU-8 M exec makes no capability inheritable (CVE-2022-29162)
        SECU-9 M an ordinary user's cgroups cannot be written through a mount (CVE-2023-25809)
        SECU-10 M no working directory and no fd leads out (CVE-2024-21626)
        SECU-11 M a mask is the null device, whatever the image has there (CVE-2025-31133)
        SECU-12 M a console is the terminal, whatever the image has there (CVE-2025-52565)
        SECU-13 M what is written to procfs goes to procfs (CVE-2025-52881)
        SECU-14 M /dev may be a link to the host, and nothing is made there (CVE-2026-41579)
        SECU-15 M a user that is no number is refused (CVE-2026-30892)
        SECU-16 M no file that the runtime makes in the root follows a link (CVE-2025-24965)
    """,
}
