#!/bin/bash
# build.sh STATE: makes STATE/{root.img,initrd.gz,vmlinuz} of Debian's packages. Root; no network but apt's.
#
# Needs debootstrap, qemu-utils, cpio, kmod, e2fsprogs; the kernel's package is unpacked, not installed. Mounts are
# those of a namespace of its own. Security labels are written here: in the machine it would take minutes.
set -euo pipefail

state=${1:?where to}
here=$(dirname "$(readlink -f "$0")")
root=$state/root
suite=bookworm-backports # of the kernel: a newer one is needed for some features
init_packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,udev,kmod,passwd,uidmap,iproute2,procps
packages="python3 python3-cffi python3-seccomp python3-jsonschema python3-pytest python3-hypothesis runc crun criu
	busybox-static gcc libc6-dev apparmor bpftool iptables strace libcap2-bin
	selinux-policy-default selinux-utils policycoreutils semodule-utils
	containerd podman conmon netavark slirp4netns ${EXTRA_PACKAGES:-}"
modules="virtio_console 9pnet_virtio 9p overlay fuse tun veth bridge dummy"

[ -n "${IN_NAMESPACE:-}" ] || exec unshare -m --propagation private env IN_NAMESPACE=1 "$0" "$@"

step() { echo "[$(date +%T)] $*"; }

# The archives that this machine's own apt uses: "URI SUITE" lines.
archives() {
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | sort -u | grep bookworm
}

install_packages() {
	local mirror
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -1)
	step "debootstrap"
	rm -rf "$root"
	debootstrap --variant=minbase --include=$init_packages bookworm "$root" "$mirror" >"$state/debootstrap.log"
	step "packages"
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount -t tmpfs tmpfs "$root/dev"
	for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
		set -- $device
		mknod -m 666 "$root/dev/$1" c "$2" "$3"
	done
	ln -s /proc/self/fd "$root/dev/fd"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # starts no services
	chmod 755 "$root/usr/sbin/policy-rc.d"
	archives | sed 's/^/deb /; s/$/ main/' >"$root/etc/apt/sources.list"
	echo "deb $mirror $suite main" >>"$root/etc/apt/sources.list"
	export DEBIAN_FRONTEND=noninteractive
	chroot "$root" apt-get update -q >"$state/apt.log" 2>&1
	chroot "$root" apt-get install -y --no-install-recommends $packages >>"$state/apt.log" 2>&1
	unpack_kernel
	rm -f "$root/usr/sbin/policy-rc.d"
	umount "$root/dev" "$root/proc" "$root"
}

unpack_kernel() {
	local package
	package=$(chroot "$root" apt-cache -t $suite depends linux-image-amd64 | awk '$1 == "Depends:" { print $2; exit }')
	chroot "$root" sh -c "cd /tmp && apt-get -q -o APT::Sandbox::User=root -t $suite download $package" \
		>>"$state/apt.log" 2>&1
	rm -rf "$state/kernel"
	dpkg-deb -x "$root"/tmp/linux-image-*.deb "$state/kernel"
	rm -f "$root"/tmp/linux-image-*.deb
}

configure() {
	local units=$root/etc/systemd/system
	echo vm >"$root/etc/hostname"
	printf '127.0.0.1 localhost vm\n' >"$root/etc/hosts"
	: >"$root/etc/fstab"
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	chroot "$root" passwd -q -d root
	# An ordinary user, whose own systemd may use all controllers.
	chroot "$root" id tester >/dev/null 2>&1 || chroot "$root" useradd -m -u 1000 -s /bin/bash tester
	grep -q ^tester "$root/etc/subuid" || echo tester:100000:65536 | tee -a "$root/etc/subuid" >>"$root/etc/subgid"
	mkdir -p "$root/var/lib/systemd/linger" "$units/user@.service.d" "$root/etc/systemd/journald.conf.d"
	touch "$root/var/lib/systemd/linger/tester"
	printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >"$units/user@.service.d/delegate.conf"
	printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/volatile.conf"
	printf '%s\n' $modules >"$root/etc/modules-load.d/vm.conf"
	install -m 755 "$here/guest/agent.py" "$root/usr/local/sbin/vm-agent"
	install -m 644 "$here/guest/agent.service" "$units/vm-agent.service"
	mkdir -p "$units/multi-user.target.wants"
	ln -sf ../vm-agent.service "$units/multi-user.target.wants/vm-agent.service"
	ln -sf /lib/systemd/system/multi-user.target "$units/default.target"
	# Nothing that wakes up by itself, or that wants a terminal; engines are started by tests.
	rm -f "$units"/timers.target.wants/* "$units"/*.wants/{e2scrub_reap,systemd-pstore,systemd-timesyncd}.service
	rm -f "$units"/sockets.target.wants/podman* "$root"/etc/systemd/user/*.wants/podman*
	for unit in getty@tty1 serial-getty@ttyS0 getty-static systemd-update-utmp systemd-update-utmp-runlevel \
		containerd podman podman-auto-update podman-clean-transient podman-restart; do
		ln -sf /dev/null "$units/$unit.service"
	done
}

# The kernel with the modules that tests may want, and an initrd with those for the disk.
add_kernel() {
	local version target initrd=$state/initrd
	version=$(basename "$state"/kernel/lib/modules/*)
	step "kernel $version"
	cp "$state/kernel/boot/vmlinuz-$version" "$state/vmlinuz"
	target=$root/lib/modules/$version
	rm -rf "$root"/lib/modules/*
	mkdir -p "$target/kernel/drivers/net"
	(
		cd "$state/kernel/lib/modules/$version"
		cp modules.builtin* modules.order "$target/"
		for part in arch block crypto fs lib mm net security drivers/block drivers/char drivers/virtio drivers/md; do
			[ ! -d kernel/$part ] || cp -a kernel/$part "$target/kernel/$(dirname $part)/"
		done
		cp -a kernel/drivers/net/*.ko* "$target/kernel/drivers/net/"
	)
	depmod -b "$root" "$version"
	rm -rf "$initrd"
	mkdir -p "$initrd"/{m,bin,dev,proc,sys,root}
	cp "$root/bin/busybox" "$initrd/bin/"
	install -m 755 "$here/guest/init" "$initrd/init"
	: >"$initrd/modules.list"
	for module in virtio_pci virtio_blk ext4; do
		modprobe -d "$root" -S "$version" --show-depends $module | awk '$1 == "insmod" { print $2 }' |
			while read -r file; do add_module "$file" "$initrd"; done
	done
	(cd "$initrd" && find . | cpio -o -H newc --quiet | gzip -1) >"$state/initrd.gz"
}

add_module() {
	local name
	name=$(basename "$1" .xz)
	[ "$name" != crc32c-intel.ko ] || return 0 # not on every CPU; the generic one is enough
	[ ! -e "$2/m/$name" ] || return 0
	case $1 in *.xz) xz -dc "$1" ;; *) cat "$1" ;; esac >"$2/m/$name"
	echo "$name" >>"$2/modules.list"
}

label_files() {
	step "SELinux: a policy module, and the labels of all files"
	cp "$here/guest/pyr.cil" "$root/root/"
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc" # setfiles works through /proc/self/fd
	chroot "$root" semodule -n -i /root/pyr.cil 2>"$state/labels.log"
	chroot "$root" setfiles -F -e /proc /etc/selinux/default/contexts/files/file_contexts / >>"$state/labels.log" 2>&1
	umount "$root/proc" "$root"
}

make_image() {
	step "image"
	rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
	rm -f "$state/root.img"
	truncate -s 4G "$state/new.img"
	mke2fs -q -F -t ext4 -O ^has_journal -E lazy_itable_init=1 -m 0 -d "$root" "$state/new.img"
	rm -rf "$root" "$state/kernel" "$state/initrd"
	mv "$state/new.img" "$state/root.img"
	step "done: $(du -sh "$state/root.img" | cut -f1)"
}

mkdir -p "$state"
install_packages
configure
add_kernel
label_files
make_image
