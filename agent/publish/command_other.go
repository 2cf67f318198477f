//go:build !unix

package publish

import "os/exec"

// ownGroup leaves it to os/exec to kill the command, which spares its children.
func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func reapGroup(*exec.Cmd) {}
