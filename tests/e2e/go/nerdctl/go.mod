// What `make e2e` makes nerdctl of: the version, and in go.sum the hashes of all that is in it.
module nerdctl

go 1.24.0

require github.com/containerd/nerdctl/v2 v2.0.5
