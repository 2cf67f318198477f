// Command go-client follows the log level that an annotation of its pod names,
// without a restart and without a file.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/podfacts/podfacts/watch/facts"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var level slog.LevelVar
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: &level}))
	if err := follow(ctx, log, &level); err != nil {
		log.Error("no facts", "error", err)
	}
}

// follow sets the level whenever the annotation changes, until ctx ends. The
// address is that of PODFACTS_SERVE.
func follow(ctx context.Context, log *slog.Logger, level *slog.LevelVar) error {
	pod := facts.Client{Log: log}
	return pod.Follow(ctx, func(v *facts.View) {
		const annotation = "pod.annotations['shop.example.com/log-level']"
		if !v.HasChanged(annotation) {
			return
		}
		if err := level.UnmarshalText([]byte(v.Text(annotation))); err != nil {
			log.Warn("this is no log level", "error", err)
			return
		}
		log.Log(ctx, level.Level(), "log level", "pod", v.Text("pod.name"), "level", level.Level())
	})
}
