package envfile

import "strings"

func kubernetesFormat() format {
	return format{
		name:        "kubernetes",
		doc:         "the kubelet reads it for env.valueFrom.fileKeyRef (1.35 and later); no single quote, no empty value",
		between:     "\n",
		after:       "\n",
		checkName:   checkFileKey,
		checkValue:  checkKubernetes,
		appendEntry: appendKubernetes,
	}
}

// checkFileKey holds names to validateFileKeySelector (pkg/apis/core/validation),
// which asks for printable ASCII without "=", and to the kubelet's reader, to
// which "#" starts a comment and blanks around the name are indentation or an
// error. What remains is odd but works: `a b` is a key.
func checkFileKey(name string) problem {
	switch {
	case !isPrintableName(name):
		return problem{"the API server takes only printable ASCII other than '=' for a key", hintRename(name)}
	case name[0] == '#':
		return problem{"the kubelet takes the line for a comment", hintRename(name)}
	case name[0] == ' ' || name[len(name)-1] == ' ':
		return problem{"the kubelet does not take blanks around a key", hintRename(name)}
	}
	return problem{}
}

func checkKubernetes(e Entry) problem {
	if p := checkPassedOn(e); p != (problem{}) {
		return p
	}
	switch {
	case strings.Contains(e.Value, "'"):
		return problem{"the value holds a single quote, and the kubelet has no escape for it", hintDrop}
	case strings.Contains(e.Value, "\r\n"):
		return problem{"the value holds CR before LF, and the kubelet drops such a CR", "write LF alone"}
	}
	return checkLine(longestQuotedLine(e))
}

// checkPassedOn refuses what the kubelet could read but not give to a container.
func checkPassedOn(e Entry) problem {
	if e.Value == "" {
		// makeEnvironmentVariables in pkg/kubelet/kubelet_pods.go: "" is "not found".
		return problem{
			"the value is empty, which the kubelet takes for a missing key",
			"leave the variable out and mark the consumer's fileKeyRef `optional: true`, or give it a default",
		}
	}
	// Up to Kubernetes 1.35 a value goes to the container runtime as a protobuf
	// string, which must be UTF-8: the call to start the container would fail.
	// Since 1.36 it is bytes (KeyValue in k8s.io/cri-api), but a file does not
	// choose its node.
	if p := checkText(e.Value); p != (problem{}) {
		return p
	}
	return checkSize(e)
}

// longestQuotedLine returns the length of the longest line that e takes up, or
// of all lines together where that is short enough anyway.
func longestQuotedLine(e Entry) int {
	if all := len(e.Name) + len("=''") + len(e.Value); all <= maxScannedLine {
		return all
	}
	longest := 0
	for line := range strings.SplitSeq(string(appendKubernetes(nil, e)), "\n") {
		longest = max(longest, len(line))
	}
	return longest
}

func appendKubernetes(dst []byte, e Entry) []byte {
	dst = append(dst, e.Name...)
	dst = append(dst, "='"...)
	dst = append(dst, e.Value...)
	return append(dst, '\'')
}

func kubernetes134Format() format {
	return format{
		name:        "kubernetes-1.34",
		doc:         "the kubelet of 1.34 (alpha) reads it for fileKeyRef; one line, not empty, no blank at the ends, no backslash at the end",
		between:     "\n",
		after:       "\n",
		checkName:   checkFileKey,
		checkValue:  checkKubernetes134,
		appendEntry: appendRaw,
	}
}

func checkKubernetes134(e Entry) problem {
	if p := checkPassedOn(e); p != (problem{}) {
		return p
	}
	switch {
	case strings.Contains(e.Value, "\n"):
		return problem{"the value holds a newline, and this kubelet reads line by line", hintOneLine}
	case strings.TrimSpace(e.Value) != e.Value:
		return problem{"this kubelet trims white space at both ends of the value", "trim the value"}
	case strings.HasSuffix(e.Value, `\`):
		return problem{"the value ends in a backslash, which joins the next line to it", hintDrop}
	}
	return checkLine(rawLine(e))
}

// appendRaw and rawLine are NAME=value and its length.
func appendRaw(dst []byte, e Entry) []byte {
	dst = append(dst, e.Name...)
	dst = append(dst, '=')
	return append(dst, e.Value...)
}

func rawLine(e Entry) int { return len(e.Name) + len("=") + len(e.Value) }
