// Package publish replaces files so that a reader never sees half of one, and
// so that whatever goes wrong leaves the last good file where it was.
//
// A [File] is written to a temporary beside its target, checked if a
// [File.Check] asks for it, and renamed into place. A [Group] publishes several
// files of one directory as one, with the swap the kubelet uses for its own
// volumes. Publishing what is already there does nothing and says so.
//
// # Confinement
//
// The output usually lies in an emptyDir that other containers may write to,
// and one of them may plant a link there. Everything therefore happens below an
// [os.Root]: the deepest mount point that holds the output's directory. A link
// that stays below it is followed, the link itself is kept and its pointee
// replaced. A link that leads out is an error ([ErrLink]) and nothing is
// written, on either side. Links in the container's own root file system, such
// as /var/run, belong to the image and are followed wherever they lead.
//
// Where there is no /proc/self/mountinfo (macOS, Windows) the root is the
// deepest directory of the path that exists.
//
// # After a crash
//
// A process that is killed while it publishes leaves the last good file and
// perhaps a temporary. [File.Clean] and [Group.Clean] remove such litter; call
// them at the next start. They recognise the living by an flock and leave their
// work alone.
package publish
