// What `make e2e` makes critest of: the version, and in go.sum the hashes of all that is in it.
module critest

go 1.26.2

require sigs.k8s.io/cri-tools v1.36.0
