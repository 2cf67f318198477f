//go:build !unix

package process

import "os/exec"

// ownGroup leaves it to os/exec to kill the command, which spares its children.
func ownGroup(*exec.Cmd) {}

func terminateGroup(*exec.Cmd) bool { return false }

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func reapGroup(*exec.Cmd) {}
