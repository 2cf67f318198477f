//go:build unix

package child

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Run starts the command and returns its exit code when it has ended: 128 and
// the number of the signal for one that a signal has ended, as shells say it.
// A command that cannot be started is a [*StartError].
//
// ctx prevents the start, if it has ended before. From then on it is without
// meaning: what usually ends it is a signal that the command gets, too, and
// what follows from that is the command's to decide.
//
//  1. A signal is passed on. After SIGTERM, SIGINT or SIGQUIT the command is
//     expected to end, and no change is acted upon any more.
//  2. After a change, wait for others until they have settled; then do what
//     OnChange says.
//  3. To restart: SIGTERM, and SIGKILL after the grace period; when the command
//     has ended, kill what is left of its group, and start it with the newest
//     environment.
//  4. A command that ends otherwise ends Run.
func (p *Parent) Run(ctx context.Context, environ []string) (code int, err error) {
	p.prepare()
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, caught()...)
	defer signal.Stop(signals)
	if ctx.Err() != nil { // what came before is not in signals
		return 0, context.Cause(ctx)
	}

	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var reaping sync.WaitGroup
	reaping.Go(func() { p.reaper.Run(ctx) })
	defer reaping.Wait()
	defer cancel()

	r := &run{
		Parent: p, signals: signals, terminal: foregroundTerminal(p.Stdin),
		told: environ, ended: make(chan error, 1), settled: stopped(), graceOver: stopped(),
	}
	if err := r.start(); err != nil {
		return 0, err
	}
	defer r.giveBack()
	return r.loop()
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// run is one Run.
type run struct {
	*Parent

	signals   chan os.Signal
	terminal  *terminal
	command   *os.Process
	told      []string   // the environment that the command knows of
	ended     chan error // gets what the command has ended with
	settled   *time.Timer
	graceOver *time.Timer

	settling bool // a change is to be acted upon when settled fires
	stopping bool // the command was told to end, for a restart or an exit
	leaving  bool // podfacts was told to end
	exit     *int // the code to end with once the command has ended
}

// start starts the command with the newest environment.
func (r *run) start() error {
	r.told, _ = r.news(r.told)
	if r.told == nil {
		r.told = []string{} // to os/exec, nil is another one
	}
	before := 0
	if r.command != nil {
		before = r.command.Pid
	}
	attributes := r.terminal.attributes(before)
	err := search(r.Args[0], r.told, func(file string) error {
		if _, err := os.Stat(file); err != nil {
			return err // without a process for nothing
		}
		cmd := &exec.Cmd{
			Path: file, Args: r.Args, Env: r.told, Stdin: r.Stdin, Stdout: r.Stdout, Stderr: r.Stderr, SysProcAttr: attributes,
		}
		wait, err := r.reaper.Start(cmd)
		if err != nil {
			return err
		}
		r.command, r.stopping = cmd.Process, false
		go func() { r.ended <- wait() }() // Run returns, or starts another, after it has
		r.log().Debug("command started", "command", file, "pid", r.command.Pid)
		return nil
	})
	if err != nil && attributes.Foreground {
		r.terminal.takeBack() // from one that has not come to be the command
	}
	return err
}

// giveBack ends the command's hold on the terminal.
func (r *run) giveBack() {
	if r.terminal.within(r.command.Pid) {
		r.terminal.takeBack()
	}
}

// loop is the life of the parent. It owns everything of run.
func (r *run) loop() (code int, err error) {
	for {
		select {
		case s := <-r.signals:
			r.pass(s)
		case <-r.wake:
			r.noticed()
		case <-r.settled.C:
			r.settling = false
			r.act()
		case <-r.graceOver.C:
			r.log().Warn("command did not end; it is killed", "grace", r.grace().String())
			killGroup(r.command.Pid)
		case end := <-r.ended:
			code, over := r.over(end)
			if over {
				return code, nil
			}
			if err := r.start(); err != nil {
				return 0, err
			}
		}
	}
}

// noticed makes sure that a change is acted upon.
func (r *run) noticed() {
	code := r.asked()
	switch {
	case r.leaving:
	case code != nil && r.exit == nil:
		r.log().Info("ending the command, and then podfacts", "code", *code)
		r.exit = code
		r.stop()
	case r.settling, r.OnChange.kind == nothing:
	case r.stopping: // the next start takes it in
	default:
		r.settling = true
		r.settled.Reset(r.settle())
	}
}

// pass passes a signal on.
func (r *run) pass(s os.Signal) {
	if !passes(s) {
		return
	}
	again := r.stopping && s == syscall.SIGTERM // some take the second for "at once"
	if ends(s) {
		r.leaving = true
		r.settled.Stop()
		r.graceOver.Stop() // how long it takes is up to who has sent the signal
	}
	if !again {
		r.signal(s)
	}
}

// act does what is to be done after a change, if it still is one.
func (r *run) act() {
	environ, files := r.news(r.told)
	if r.stopping || !files && slices.Equal(environ, r.told) {
		return
	}
	log := r.log().With("variables", changed(r.told, environ), "files", files)
	r.told = environ
	switch r.OnChange.kind {
	case tell:
		log.Info("signalling the command", "signal", r.OnChange.name)
		r.signal(r.OnChange.signal)
		return
	case exit:
		log.Info("ending the command, and then podfacts", "code", r.OnChange.code)
		r.exit = &r.OnChange.code
	default:
		log.Info("restarting the command")
	}
	r.stop()
}

// stop asks the command to end, and sees to it that it does.
func (r *run) stop() {
	if !r.stopping && r.signal(syscall.SIGTERM) {
		r.stopping = true
		r.graceOver.Reset(r.grace())
	}
}

// signal signals the command, and says whether it was there to be signalled.
func (r *run) signal(s os.Signal) bool {
	err := r.command.Signal(s)
	if err != nil && !errors.Is(err, os.ErrProcessDone) { // the end of one that is done comes up by itself
		r.log().Error("cannot signal the command", "signal", s.String(), "error", err)
	}
	return err == nil
}

// over says whether podfacts ends with the command, and with which code.
func (r *run) over(end error) (code int, over bool) {
	r.graceOver.Stop()
	for len(r.signals) > 0 {
		r.pass(<-r.signals) // it may be one that ends podfacts
	}
	if !r.stopping || r.leaving {
		return r.status(end), true
	}
	killGroup(r.command.Pid)
	if r.exit != nil {
		return *r.exit, true
	}
	return 0, false
}

// status is the exit code that a shell gives to a command.
func (r *run) status(end error) int {
	if end == nil {
		return 0
	}
	exited, ok := errors.AsType[*exec.ExitError](end)
	if !ok {
		r.log().Error("command ended, nobody knows how", "error", end)
		return 1
	}
	if s, ok := exited.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return exited.ExitCode()
}
