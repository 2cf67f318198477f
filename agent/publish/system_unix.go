//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package publish

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// nonblock keeps an open from waiting for the other end of a planted pipe.
const nonblock = syscall.O_NONBLOCK

// tryLock takes the exclusive flock on the open file, or reports that another
// holds it. The kernel releases it with the process, however that ends. On a
// file system without locks everybody gets one.
func tryLock(file *os.File) (locked bool, err error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return false, err
	}
	var flock error
	if err := conn.Control(func(fd uintptr) {
		for {
			flock = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
			if flock != syscall.EINTR {
				return
			}
		}
	}); err != nil {
		return false, err
	}
	switch {
	case flock == nil, errors.Is(flock, errors.ErrUnsupported), flock == syscall.EINVAL, flock == syscall.ENOLCK:
		return true, nil
	case flock == syscall.EWOULDBLOCK:
		return false, nil
	}
	return false, os.NewSyscallError("flock", flock)
}

func sameMode(have, want fs.FileMode) bool {
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	return have&bits == want
}

func ownedBy(fi fs.FileInfo, uid, gid *int) bool {
	if uid == nil && gid == nil {
		return true
	}
	stat, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == idOr(uid, int(stat.Uid)) && int(stat.Gid) == idOr(gid, int(stat.Gid))
}

// ownerOf returns who owns a file.
func ownerOf(fi fs.FileInfo) (uid, gid *int) {
	stat, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, nil
	}
	return new(int(stat.Uid)), new(int(stat.Gid))
}
