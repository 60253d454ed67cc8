"""
Throw-away virtual machines for what the developers' machines do not have: systemd, pure cgroup v2, AppArmor,
SELinux and all capabilities. `make vm-image` makes the image and a snapshot with each security module, and

    python3 -m tests.vm.lane run [--lsm selinux] [--hierarchy hybrid] [--user tester] 'SHELL COMMAND'

runs a command in a machine of its own, in this tree, and ends with its exit status. What it writes, even into
the tree, is gone afterwards, except below /out if `--output DIR` is given.
"""
