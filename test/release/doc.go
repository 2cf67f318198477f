// Package release holds what `go run ./cmd/release` makes against those who will read it.
//
//   - go-containerregistry validates the OCI layout and the docker archive, and finds the
//     same image in both; containerd imports them in test/e2e.
//   - BuildKit's parser reads the Dockerfile without a warning. What its steps say is what
//     the image has, and its command for building gives the same binary.
//   - SPDX's library validates the bill of materials, and knows every word of it.
//   - Two repositories of the same commit give the same bytes.
package release
