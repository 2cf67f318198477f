package main

import (
	"fmt"
	"strings"
)

const (
	homepage = "https://github.com/podfacts/podfacts"
	summary  = "Tell a container who it is"
)

// download is where a file of a version is, once that is released.
func download(version, file string) string {
	return homepage + "/releases/download/" + version + "/" + file
}

// krew is the manifest of the kubectl plugin for Krew's index, in the schema of
// https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/. Krew links the binary as
// kubectl-podfacts, and podfacts knows itself by that name.
func krew(version string, archives []archive) string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: podfacts
spec:
  version: %s
  homepage: %s
  shortDescription: Show what a pod knows of itself and from where
  description: |
    podfacts tells containers who they are: as an init container or a sidecar
    it renders env files and templates from what the Downward API and the API
    server say of a pod. The plugin shows from outside what podfacts sees in a
    running pod, with the origin and the age of each fact, and what it would
    write there. It prints the permissions for that, and adds podfacts to
    manifests.

      kubectl podfacts view -n shop deploy/web
      kubectl podfacts render -n shop web-0 -c podfacts.yaml
      kubectl podfacts inject -f deploy.yaml | kubectl apply -f -
  platforms:
`, version, homepage)
	for _, a := range archives {
		fmt.Fprintf(&b, `  - selector:
      matchLabels:
        os: %s
        arch: %s
    uri: %s
    sha256: %s
    bin: %s
    files:
    - from: %[5]s
      to: .
    - from: LICENSE
      to: .
    - from: THIRD_PARTY_LICENSES
      to: .
`, a.platform.os, a.platform.arch, download(version, a.name), a.sum, a.platform.file("podfacts"))
	}
	return b.String()
}
