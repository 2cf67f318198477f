package main

import (
	"context"
	"fmt"
	"strings"
	"text/template"
	"time"

	consul "github.com/hashicorp/consul-template/template"
)

// render measures a template of a hundred lines that both engines can run. The
// peer gets `fact` as an extra function over a map, so that only the engines differ.
func (b *bench) render(ctx context.Context) ([]row, error) {
	b.step("rendering")
	text := strings.Repeat(`name={{ fact "pod.name" }} app={{ fact "pod.labels['app']" | printf "%q" }}`+"\n", 100)
	facts := map[string]string{"pod.name": "web-0", "pod.labels['app']": "web"}

	peer, err := consul.NewTemplate(&consul.NewTemplateInput{
		Contents:      text,
		ErrMissingKey: true,
		ExtFuncMap:    template.FuncMap{"fact": func(path string) string { return facts[path] }},
	})
	if err != nil {
		return nil, err
	}
	brain := consul.NewBrain()
	var theirs string
	peerTime, err := b.each(ctx, func() error {
		result, err := peer.Execute(&consul.ExecuteInput{Brain: brain})
		if err == nil {
			theirs = string(result.Output)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("consul-template: %w", err)
	}
	_ = theirs
	return []row{{peer: perSecond(peerTime)}}, nil
}

// each returns how long one call takes, from as many as fit into the loop's time.
func (b *bench) each(ctx context.Context, call func() error) (time.Duration, error) {
	start, calls := time.Now(), 0
	for ; time.Since(start) < b.effort.loop; calls++ {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := call(); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / time.Duration(calls), nil
}

func perSecond(each time.Duration) string {
	return fmt.Sprintf("%.0f/s", float64(time.Second)/float64(each))
}
